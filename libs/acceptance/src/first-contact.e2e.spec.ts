import { beforeAll, describe, expect, it } from 'vitest';
import { trialsOf } from './support/api.ts';
import { crucible, jsonLines } from './support/cli.ts';
import type { Ended, JsonLine } from './support/cli.ts';
import { escapes } from './support/text.ts';

/** How each program of the suite must end: outcome, reasons that are right for it, and containment. */
const ends: Readonly<Record<string, { reasons: readonly string[]; verdict: string }>> = {
  polite: { reasons: ['exit'], verdict: 'contained' },
  'reaches-for-the-network': { reasons: ['exit'], verdict: 'attempted' },
  'writes-outside-its-folder': { reasons: ['exit'], verdict: 'attempted' },
  'fork-bomb': { reasons: ['pids-limit', 'wall-time', 'out-of-memory'], verdict: 'contained' },
  'memory-hog': { reasons: ['out-of-memory'], verdict: 'contained' },
  'endless-loop': { reasons: ['wall-time'], verdict: 'contained' },
  'output-flood': { reasons: ['output-limit'], verdict: 'contained' },
  'fills-the-disk': { reasons: ['disk-full'], verdict: 'contained' },
  'looks-for-host-secrets': { reasons: ['exit'], verdict: 'attempted' },
  crashes: { reasons: ['crash'], verdict: 'contained' },
  'kills-the-first-process': { reasons: ['init-killed'], verdict: 'attempted' },
};

describe('the first command: run suites/first-contact', () => {
  let ended: Ended;
  let lines: JsonLine[];
  let result: JsonLine;
  beforeAll(async () => {
    ended = await crucible(['run', 'suites/first-contact', '--json']);
    lines = jsonLines(ended.stdout);
    result = lines.at(-1) ?? {};
  });

  it('ends with exit code 0 and the result, with exactly the keys that were promised', () => {
    expect(ended.code, ended.stderr).toBe(0);
    expect(Object.keys(result)).toEqual(['evaluationId', 'status', 'trials', 'score', 'position', 'url']);
    const total = Object.keys(ends).length;
    expect(result).toMatchObject({ status: 'completed', score: 1 });
    expect(result['trials']).toEqual({ total, passed: total, failed: 0, errored: 0 });
    expect(result['url']).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/evaluations\/[0-9a-f-]{36}$/);
  });

  it('shows its progress before, a JSON object a line', () => {
    const types = new Set(lines.slice(0, -1).map(({ type }) => type));
    expect(
      [...types].filter((type) => !['step', 'submitted', 'trial', 'progress', 'trouble'].includes(String(type))),
    ).toEqual([]);
    const trials = lines.filter(({ type }) => type === 'trial');
    expect(trials.length).toBe(Object.keys(ends).length);
    const counts = lines.filter(({ type }) => type === 'progress').map(({ position }) => Number(position));
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect(counts.length).toBeGreaterThan(Object.keys(ends).length);
  });

  it.each(Object.entries(ends))('scores %s on its outcome, reason and containment', async (sampleId, end) => {
    const trials = await trialsOf(String(result['evaluationId']));
    const trial = trials.find((each) => each.sampleId === sampleId);
    expect(trial).toMatchObject({ status: 'finished', outcome: 'passed', verdict: end.verdict, kernelObserved: true });
    expect(end.reasons).toContain(trial?.reason);
    if (end.verdict !== 'contained') expect(trial?.findings).not.toEqual([]);
  });

  it('prints the same for people who have no terminal, without control characters', async () => {
    const shown = await crucible(['show', String(result['evaluationId'])]);
    expect(shown.code).toBe(0);
    for (const [sampleId, { verdict }] of Object.entries(ends)) {
      expect(shown.stdout).toMatch(new RegExp(`^${sampleId} +passed +1\\.00 .*${verdict}`, 'm'));
    }
    expect(escapes(shown.stdout + ended.stderr)).toEqual([]);
  });
});
