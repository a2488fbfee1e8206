import { describe, expect, it } from 'vitest';
import type { Finding, KernelReport } from './verdict.ts';
import { FINDINGS_MAX, FINDING_CHARS_MAX, UNOBSERVED, judge } from './verdict.ts';

const seen: KernelReport = { ...UNOBSERVED, observed: true, records: 60 };
const reached: Finding = {
  rule: 'network-socket',
  reach: 'network',
  effect: 'none',
  text: 'socket AF_INET',
  count: 1,
  firstNs: 5,
};
const escaped: Finding = { ...reached, rule: 'network-connect', effect: 'outside', text: 'connect 192.0.2.1:80' };

describe('judge', () => {
  it('calls a trial contained when everything was seen and nothing reached out', () => {
    expect(judge(seen)).toEqual({ verdict: 'contained', findings: [] });
  });

  it('does not hold sampling of the published evidence against a trial: the rules saw every call', () => {
    expect(judge({ ...seen, sampledOut: 1_000_000 }).verdict).toBe('contained');
  });

  it('calls a reach without effect attempted and says how often', () => {
    expect(judge({ ...seen, findings: [{ ...reached, count: 3 }] })).toEqual({
      verdict: 'attempted',
      findings: ['reached for the network: socket AF_INET (3 times)'],
    });
  });

  it.each([
    ['not observed', { observed: false }],
    ['dropped', { dropped: 1 }],
    ['malformed', { malformed: 2 }],
    ['concealed', { concealed: 3 }],
  ])('makes lost evidence unknown, never contained or attempted: %s', (_name, loss) => {
    expect(judge({ ...seen, ...loss }).verdict).toBe('unknown');
    const judged = judge({ ...seen, ...loss, findings: [reached] });
    expect(judged.verdict).toBe('unknown');
    expect(judged.findings).toHaveLength(2);
    expect(judged.findings[0]).toMatch(/^evidence lost/);
  });

  it('keeps a proven breach whatever else was lost, and names it first', () => {
    const judged = judge({ ...seen, dropped: 9, findings: [reached, escaped] });
    expect(judged.verdict).toBe('breached');
    expect(judged.findings[0]).toBe('reached for the network, with effect outside: connect 192.0.2.1:80');
  });

  it('bounds the number and the length of what it says and shows control characters', () => {
    const hostile = { ...reached, text: `\u001b[31m\u202e${'x'.repeat(5_000)}`, count: 7 };
    const judged = judge({ ...seen, findings: Array.from({ length: 90 }, () => hostile), findingsOmitted: 10 });
    expect(judged.findings).toHaveLength(FINDINGS_MAX);
    expect(judged.findings.at(-1)).toBe('and 69 more');
    for (const line of judged.findings) {
      expect(line.length).toBeLessThanOrEqual(FINDING_CHARS_MAX);
      expect(line).not.toMatch(/[\u0000-\u001f\u202e]/);
    }
  });
});
