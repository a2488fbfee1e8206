import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigInvalid } from '@crucible/service-kit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canaryKeyAt, Detection, rulesAt } from './open-detection.ts';

const RULE = [
  'id: our-own',
  'version: 2',
  'title: Our own',
  'description: An operator’s own rule.',
  'severity: high',
  'capability: system-access',
  'tags: [attack.t1552]',
  'on: kernel.open',
  'condition: event.path == "/work/x"',
  'response: alert',
];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'crucible-rules-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const complaintOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof ConfigInvalid) return error.message;
    throw error;
  }
  return '';
};

describe('rules of an executor', () => {
  it('are the shipped ones, and an operator’s beside them', () => {
    const shipped = rulesAt(undefined).rules;
    expect(shipped.length).toBeGreaterThanOrEqual(40);
    expect(rulesAt(join(folder, 'nowhere')).rules.length).toBe(shipped.length);
    write('our-own.yaml', RULE.join('\n'));
    const together = rulesAt(folder).rules;
    expect(together.length).toBe(shipped.length + 1);
    expect(together.find(({ id }) => id === 'our-own')).toMatchObject({
      version: 2,
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('that are wrong are all named, each with file and line', () => {
    const bad = write('bad.yaml', RULE.with(8, 'condition: event.pth == "x"').join('\n'));
    const worse = write('worse.yaml', RULE.with(4, 'severity: terrible').join('\n'));
    const complaint = complaintOf(() => rulesAt(folder));
    expect(complaint).toMatch(/^the rules of CRUCIBLE_RULES_DIR are not usable:\n/);
    expect(complaint).toContain(`${bad}:9:`);
    expect(complaint).toContain(`${worse}:5:`);
  });
});

describe('the canary key of an executor', () => {
  it('is read from its file, with or without a newline', () => {
    const path = write('key', `${Buffer.alloc(32, 3).toString('base64url')}\n`);
    expect(canaryKeyAt(path).marker).toMatch(/^[1-9]\d{11}$/);
    expect(Detection.open({ CRUCIBLE_CANARY_KEY_FILE: path }, () => 'x').rules.rules.length).toBeGreaterThan(0);
  });

  it.each([
    ['too short', 'c2hvcnQ', 'needs 32 bytes'],
    ['empty', '', 'needs 32 bytes'],
  ])('is refused when it is %s', (_what, text, why) => {
    expect(complaintOf(() => canaryKeyAt(write('key', text)))).toContain(why);
  });

  it('is refused when it is not there, by the variable’s name', () => {
    expect(complaintOf(() => canaryKeyAt(join(folder, 'no-key')))).toMatch(/^CRUCIBLE_CANARY_KEY_FILE: ENOENT/);
  });
});
