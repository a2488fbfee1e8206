import { copyFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { endOf, post, request, submit, trialsOf } from './support/api.ts';
import { crucible, crucibleJson, jsonLines } from './support/cli.ts';
import { repository } from './support/config.ts';
import { sample, scratch, suiteOf } from './support/suites.ts';

const shippedFolder = join(repository, 'libs/detectors/rules');
/** Every rule's file has its name. */
const shipped = readdirSync(shippedFolder).map((file) => file.replace(/\.yaml$/, ''));
const MARKER = '/opt/looked-for-by-a-rule-of-mine';
const rule = `id: looked-for
version: 3
title: Looked for by a rule of mine
description: Opens a file that only this rule asks about.
severity: medium
capability: system-access
tags: [attack.t1083]
on: kernel.open
condition: event.path == '${MARKER}'
summary: 'opened {path}'
response: alert
`;
const write = (text: string): string => {
  const path = join(scratch(), 'mine.yaml');
  writeFileSync(path, text);
  return path;
};

describe('rules list', () => {
  it('tells every shipped rule, for people and for programs', async () => {
    interface Told {
      readonly digest: string;
      readonly rules: readonly { readonly id: string; readonly severity: string; readonly path: string }[];
    }
    const { digest, rules } = await crucibleJson<Told>(['rules', 'list']);
    expect(rules.map(({ id }) => id).sort()).toEqual(shipped.toSorted());
    const { code, stdout } = await crucible(['rules', 'list']);
    expect(code).toBe(0);
    for (const { id, severity } of rules) expect(stdout).toMatch(new RegExp(`^${id} +${severity}\\b`, 'm'));
    expect(stdout).toContain(`${shipped.length} rules, digest ${digest}`);
  });
});

describe('rules check', () => {
  it('takes a rule that is right', async () => {
    const path = write(rule);
    const { rules } = await crucibleJson<{ rules: object[] }>(['rules', 'check', path]);
    expect(rules).toMatchObject([{ id: 'looked-for', version: 3, on: ['kernel.open'], path }]);
  });

  it.each([
    ['a field that is none', rule.replace('response: alert', 'response: alert\nrespons: kill'), /:12:1: respons: /],
    ['a condition that is none', rule.replace('event.path', 'event.paht'), /:9:\d+: condition: /],
    ['broken YAML', rule.replace('[attack.t1083]', '[attack.t1083'), /:\d+:\d+: /],
  ])('refuses %s with file and line, and exit code 2', async (_, text, place) => {
    const path = write(text);
    const { code, stdout, stderr } = await crucible(['rules', 'check', path]);
    expect(stderr).toContain(path);
    expect(stderr).toMatch(place);
    expect([code, stdout]).toEqual([2, '']);
  });

  it('refuses the id of a shipped rule, and a file that is not there', async () => {
    const [first = ''] = shipped;
    const path = join(scratch(), 'copied.yaml');
    copyFileSync(join(shippedFolder, `${first}.yaml`), path);
    const taken = await crucible(['rules', 'check', path]);
    expect(taken.code).toBe(2);
    expect(taken.stderr).toContain(first);
    expect((await crucible(['rules', 'check', '/nowhere/mine.yaml'])).code).toBe(2);
  });
});

describe('rules test', () => {
  let id: string;
  beforeAll(async () => {
    const looks = `import os\ntry: open(${JSON.stringify(MARKER)})\nexcept OSError as error: print(error)\n`;
    id = (await submit({ suite: suiteOf([sample('looks', looks), sample('looks-away', 'print(1)')]) })).id;
    await endOf(id);
  });

  it('raises on the evidence of the past what the rule would have raised, and names the record', async () => {
    const path = write(rule);
    const { code, stdout } = await crucible(['rules', 'test', path, '--evaluation', id, '--json']);
    expect(code).toBe(0);
    const raised = jsonLines(stdout);
    expect(raised).toMatchObject([
      {
        sampleId: 'looks',
        severity: 'medium',
        rule: { id: 'looked-for', version: 3 },
        summary: `opened ${MARKER}`,
        evidence: [{ channel: 'kernel' }],
      },
    ]);
    const trial = (await trialsOf(id)).find(({ sampleId }) => sampleId === 'looks');
    expect(raised[0]?.['trialId']).toBe(trial?.id);
    const [{ record = 0 } = {}] = raised[0]?.['evidence'] as { record?: number }[];
    const kernel = await request(`/api/v1/evaluations/${id}/trials/${trial?.id}/kernel?after=${record - 1}&limit=1`);
    expect(await kernel.json()).toMatchObject({ records: [{ n: record, kind: 'open', path: MARKER }] });
    // Trying a rule is no alert.
    expect(Object.values(trial?.alerts ?? {}).reduce((sum, each) => sum + each, 0)).toBe(0);

    const shown = await crucible(['rules', 'test', path, '--evaluation', id.slice(0, 18)]);
    expect(shown.stdout).toMatch(new RegExp(`^looks +.*looked-for.*opened ${MARKER}`, 'm'));
    expect(shown.stdout).toContain('1 would have been raised in 1 of 2 trials');
  });

  it('refuses a rule that is wrong as check does, before it asks anybody', async () => {
    const path = write(rule.replace('severity: medium', 'severity: loud'));
    const { code, stderr } = await crucible(['rules', 'test', path, '--evaluation', id]);
    expect(stderr).toContain(`${path}:5:`);
    expect(stderr).toContain(': severity: ');
    expect(code).toBe(2);
  });

  it('raises nothing in a trial that did nothing of it', async () => {
    const argv = ['rules', 'test', write(rule), '--evaluation', id, '--trial', 'looks-away'];
    expect((await crucible([...argv, '--json'])).stdout).toBe('');
    expect((await crucible(argv)).stdout).toContain('0 would have been raised in 0 of 1 trials');
  });
});

describe('stop list', () => {
  it('tells what was stopped, by whom, why and since when, and whether it holds', async () => {
    const reason = `nobody is stopped by this ${Date.now()}`;
    const engaged = await post('/api/v1/stops', { scope: { kind: 'team', team: 'nobody' }, reason });
    const { stop } = (await engaged.json()) as { stop: { stopId: string } };
    interface Told {
      readonly items: readonly { stopId: string; releasedAt: string | null }[];
    }
    const told = async () =>
      (await crucibleJson<Told>(['stop', 'list'])).items.find(({ stopId }) => stopId === stop.stopId);
    try {
      expect(await told()).toMatchObject({
        scope: { kind: 'team', team: 'nobody' },
        reason,
        engagedBy: 'user:local',
        releasedAt: null,
      });
      const { code, stdout } = await crucible(['stop', 'list']);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^[0-9a-f-]+ +team nobody +engaged /m);
    } finally {
      await post(`/api/v1/stops/${stop.stopId}/release`, { reason: 'the test is over' });
    }
    expect((await told())?.releasedAt).toMatch(/^\d{4}-/);
    expect((await crucible(['stop', 'list'])).stdout).toMatch(/^[0-9a-f-]+ +team nobody +released /m);
  });
});
