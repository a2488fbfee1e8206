import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { evaluationListSchema, trialListSchema } from '@crucible/api';
import { encodeCheckpointLine } from '@crucible/transparency';
import { signNote } from '@crucible/transparency/node';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { endOf, outputOf, problemOf, request, submit, trialsOf } from './support/api.ts';
import { OtherHome } from './support/archive.ts';
import { crucible, crucibleJson } from './support/cli.ts';
import type { Ended } from './support/cli.ts';
import { platform } from './support/facts.ts';
import { provenPosition } from './support/independent-proof.ts';
import { sample, scratch, suiteOf } from './support/suites.ts';
import { waitFor } from './support/wait.ts';

interface Verdict {
  readonly ok: boolean;
  readonly events: number;
  readonly root: string;
  readonly firstBadPosition: number | null;
  readonly reason: string | null;
  readonly evidence: { readonly verified: number; readonly erased: number };
  readonly checkpoints: number;
}

let folder: string;
let file: string;
let exported: { readonly events: number; readonly publicKey: string };
let evaluationId: string;
const secret = 'the name of a person';

beforeAll(async () => {
  folder = scratch();
  file = join(folder, 'log.ndjson');
  const samples = ['one', 'two', 'three'].map((id) => sample(id, `print("${secret}, said by ${id}")`));
  evaluationId = (await submit({ suite: suiteOf(samples, { name: 'audited', concurrency: 3 }) })).id;
  await endOf(evaluationId);
  exported = await crucibleJson(['audit', 'export', '--out', file]);
});

const verdictOf = ({ code, stdout, stderr }: Ended): Verdict & { code: number } => {
  if (!stdout.startsWith('{')) throw new Error(`no verdict: ${stderr || stdout}`);
  return { code, ...(JSON.parse(stdout) as Verdict) };
};
/** Without a home, as an auditor elsewhere would. */
const verifyFile = async (path: string, ...more: readonly string[]): Promise<Verdict & { code: number }> => {
  const argv = ['audit', 'verify', '--export', path, '--public-key', exported.publicKey, '--json', ...more];
  return verdictOf(await crucible(argv, { env: { CRUCIBLE_HOME: join(folder, 'no-home') } }));
};
/** An export of the one evaluation. @returns its path */
const exportOne = async (): Promise<string> => {
  const one = join(scratch(), 'one.ndjson');
  await crucibleJson(['audit', 'export', '--out', one, '--evaluation', evaluationId]);
  return one;
};
const verifyLive = async (): Promise<Verdict & { code: number }> =>
  verdictOf(await crucible(['audit', 'verify', '--json']));

describe('the log of a platform that ran an evaluation', () => {
  it('verifies offline and live, with all its evidence', async () => {
    const offline = await verifyFile(file);
    expect(offline).toMatchObject({ code: 0, ok: true, events: exported.events, firstBadPosition: null, reason: null });
    expect(offline.evidence.verified).toBeGreaterThanOrEqual(3);
    const live = await verifyLive();
    expect(live).toMatchObject({ code: 0, ok: true });
    expect(live.events).toBeGreaterThan(offline.events);
    const kept = join(platform().home, 'audit/verified-checkpoint');
    expect(readFileSync(kept, 'utf8').split('\n')[1]).toBe(String(live.events));
    // What was verified later covers more than the file: the file is then an older copy.
    const older = await verifyFile(file, '--checkpoint', kept);
    expect(older).toMatchObject({ code: 1, ok: false, firstBadPosition: exported.events + 1 });
  });

  it('says who exported and verified it', async () => {
    const list = await request('/api/v1/events?type=crucible.log.exported.v1&limit=5');
    const { items } = (await list.json()) as { items: { actor: string }[] };
    expect(items.length).toBeGreaterThanOrEqual(2);
    expect(items[0]?.actor).toMatch(/^\S+$/);
  });

  it('exports one evaluation with proofs, which verifies too', async () => {
    const one = await exportOne();
    const verdict = await verifyFile(one);
    expect(verdict).toMatchObject({ code: 0, ok: true });
    expect(verdict.events).toBeLessThan(exported.events);
    expect(readFileSync(one, 'utf8')).toContain('"proof":[');
  });

  it('proves one event to whoever has the key and nothing of ours', async () => {
    const proof = join(folder, 'event.tlog-proof');
    const proven = await crucibleJson<{ position: number; eventFile: string }>([
      ...['audit', 'prove', '2', '--out', proof],
    ]);
    const event = readFileSync(proven.eventFile);
    expect(provenPosition(readFileSync(proof, 'utf8'), event, exported.publicKey)).toBe(2);
    const check = (eventFile: string): Promise<Ended> =>
      crucible(['audit', 'check-proof', proof, '--event', eventFile, '--public-key', exported.publicKey], {
        env: { CRUCIBLE_HOME: join(folder, 'no-home') },
      });
    expect(await check(proven.eventFile)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^ok: event 2 /) });
    const forged = join(folder, 'forged.json');
    writeFileSync(forged, event.toString('utf8').replace('"team":"default"', '"team":"another"'));
    expect(await check(forged)).toMatchObject({ code: 1, stdout: expect.stringMatching(/^wrong: /) });
    expect(provenPosition(readFileSync(proof, 'utf8'), readFileSync(forged), exported.publicKey)).toBeUndefined();
  });
});

const lines = (): string[] => readFileSync(file, 'utf8').split('\n');

describe('an export that somebody changed', () => {
  const isEvent = (position: number) => (line: string) => line.startsWith(`{"kind":"event","position":${position},`);
  const at = 4;
  const changes: readonly { what: string; position: number | null; change: (lines: string[]) => string[] }[] = [
    {
      what: 'one bit of an event',
      position: at,
      change: (all) =>
        all.map((line) => (isEvent(at)(line) ? line.replace(/("body":".*?time\\":\\"20)2/, '$13') : line)),
    },
    { what: 'a removed event', position: at, change: (all) => all.filter((line) => !isEvent(at)(line)) },
    {
      what: 'two events swapped',
      position: at,
      change: (all) => {
        // A checkpoint may stand between them.
        const [one, other] = [all.findIndex(isEvent(at)), all.findIndex(isEvent(at + 1))];
        return all.with(one, all[other] ?? '').with(other, all[one] ?? '');
      },
    },
    { what: 'a truncated tail', position: null, change: (all) => all.slice(0, -4) },
    {
      what: 'a forged event among the others, which are counted on behind it',
      position: at,
      change: (all) => {
        const index = all.findIndex(isEvent(at));
        const forged = (all[index] ?? '').replace('team\\":\\"default', 'team\\":\\"another');
        const counted = all.map((line) =>
          line.replace(/^\{"kind":"event","position":(\d+),/, (head, digits) =>
            Number(digits) < at ? head : `{"kind":"event","position":${Number(digits) + 1},`,
          ),
        );
        return counted.toSpliced(index, 0, forged);
      },
    },
    {
      what: 'a checkpoint signed again by another key of the same name',
      position: null,
      change: (all) => {
        const index = all.findLastIndex((line) => line.startsWith('{"kind":"checkpoint"'));
        const { sequence, note } = JSON.parse(all[index] ?? '') as { sequence: number; note: string };
        const name = exported.publicKey.split('+')[0] ?? '';
        const text = note.slice(0, note.indexOf('\n\n') + 1);
        const { privateKey } = generateKeyPairSync('ed25519');
        return all.with(
          index,
          encodeCheckpointLine({ sequence, note: signNote(text, { name, privateKey }) }).trimEnd(),
        );
      },
    },
    {
      what: 'edited evidence',
      position: null,
      change: (all) => {
        const index = all.findIndex((line) => line.startsWith('{"kind":"evidence"'));
        const edited = (all[index] ?? '').replace(/"bodyBase64":".{4}/, '"bodyBase64":"AAAA');
        return all.with(index, edited);
      },
    },
  ];

  it.each(changes)('is noticed: $what', async ({ change, position }) => {
    const changed = join(folder, 'changed.ndjson');
    const text = change(lines()).join('\n');
    expect(text).not.toBe(readFileSync(file, 'utf8'));
    writeFileSync(changed, text);
    const verdict = await verifyFile(changed);
    expect(verdict).toMatchObject({ code: 1, ok: false, reason: expect.stringMatching(/./) });
    if (position === null) expect(verdict.firstBadPosition).toEqual(expect.any(Number));
    else expect(verdict.firstBadPosition).toBe(position);
  });
});

/** Every evaluation and trial as of the archive's end. */
const readModel = async (get: (path: string) => Promise<Response>, query: string): Promise<unknown> => {
  const list = async (path: string): Promise<unknown> => (await get(path)).json();
  const { items } = evaluationListSchema.parse(await list(`/api/v1/evaluations?limit=200${query}`));
  const trials = items.map(async ({ id }) =>
    trialListSchema.parse(await list(`/api/v1/evaluations/${id}/trials?limit=500${query}`)),
  );
  return { items, trials: (await Promise.all(trials)).map((page) => page.items) };
};

const expectSameAndClosed = async (archive: OtherHome): Promise<void> => {
  const imported = await archive.json<Verdict>('audit', 'import', file, '--public-key', exported.publicKey);
  expect(imported).toMatchObject({ ok: true, events: exported.events });
  expect(await archive.head()).toBe(exported.events);
  const checkpoint = await (await archive.get('/audit/checkpoint')).text();
  expect(Buffer.from(checkpoint.split('\n')[2] ?? '', 'base64').toString('hex')).toBe(imported.root);
  const copy = await readModel((path) => archive.get(path), '');
  expect(copy).toEqual(await readModel(request, `&at=${exported.events}`));
  const [trial] = await trialsOf(evaluationId);
  const output = await archive.get(`/api/v1/evaluations/${evaluationId}/trials/${trial?.id}/output.txt`);
  expect(await output.text()).toBe((await outputOf(evaluationId, trial?.id ?? '')).bytes.toString());
  const refused = await archive.get(`/api/v1/evaluations/${evaluationId}/cancel`, { method: 'POST' });
  expect(refused.status).toBeGreaterThanOrEqual(400);
  expect(await archive.json('status')).toMatchObject({ state: 'up', archive: { size: exported.events } });
  expect(await archive.json('audit', 'verify')).toMatchObject({ ok: true, root: imported.root });
  expect((await archive.crucible('projections', 'compare')).code).toBe(0);
  expect(await archive.head()).toBe(exported.events);
};

/** It grows by three events; then one byte below is changed, and after that the store is set back to before it grew. */
const expectChangesNoticed = async (archive: OtherHome): Promise<void> => {
  const older = archive.copyStore();
  const grown = await archive.append(3);
  await waitFor('a checkpoint over what was added', async () => {
    const note = await (await archive.get('/audit/checkpoint')).text();
    return Number(note.split('\n')[1]) === grown;
  });
  await archive.crucible('down');
  const [block = ''] = archive.messageFiles;
  const bytes = readFileSync(block);
  const within = bytes.indexOf('"crucible.trial.finished.v2"');
  bytes.writeUInt8(bytes.readUInt8(within + 1) ^ 1, within + 1);
  writeFileSync(block, bytes);
  const hit = lines().find((line) => line.includes('crucible.trial.finished.v2')) ?? '';
  const positionOfIt = Number(/"position":(\d+)/.exec(hit)?.[1]);
  const up = await archive.crucible('up');
  expect(up.code).not.toBe(0);
  const changed = await archive.json<Verdict>('audit', 'verify');
  expect(changed).toMatchObject({ ok: false });
  expect(changed.firstBadPosition).toBe(positionOfIt);

  await archive.crucible('down');
  archive.restoreStore(older);
  expect((await archive.crucible('up')).code).not.toBe(0);
  const back = await archive.json<Verdict>('audit', 'verify');
  expect(back).toMatchObject({ ok: false, firstBadPosition: exported.events + 1 });
};

describe('an archive', () => {
  let archive: OtherHome | undefined;
  afterEach(async () => {
    await archive?.remove();
    archive = undefined;
  });

  // In one, as each step needs what the one before has made: tried again, all of it begins in a new home.
  it('has the same root and read model, takes nothing, is made in an empty home only, and notices each change of its store', async () => {
    archive = await OtherHome.make();
    await expectSameAndClosed(archive);
    const again = await archive.crucible('audit', 'import', file, '--public-key', exported.publicKey);
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining(archive.root) });
    await expectChangesNoticed(archive);
  });

  it('is made of a whole log only', async () => {
    archive = await OtherHome.make();
    const one = await exportOne();
    const part = await archive.crucible('audit', 'import', one, '--public-key', exported.publicKey);
    expect(part).toMatchObject({ code: 2, stderr: expect.stringContaining('one evaluation') });
  });
});

describe('evidence that was erased', () => {
  it('is gone with its record, and the log verifies', async () => {
    // Its own: a second try would find the output of the first erased already.
    const samples = [sample('named', `print("${secret}")`)];
    const { id } = await submit({ suite: suiteOf(samples, { name: 'erased' }) });
    await endOf(id);
    const [trial] = await trialsOf(id);
    const before = await verifyLive();
    const path = `/api/v1/evaluations/${id}/trials/${trial?.id}/output`;
    const erase = ['erase', id, '--trial', trial?.id ?? '', '--reason', 'it names a person'];
    await crucibleJson(erase);
    const gone = await waitFor('the output to be gone', async () => {
      const answer = await request(path);
      return answer.status === 410 && answer;
    });
    expect((await problemOf(gone)).detail).toMatch(/^erased, position \d+/);
    const shown = await crucible(['show', id, '--trial', trial?.id ?? '', '--output']);
    expect(shown).toMatchObject({ code: 1, stderr: expect.stringMatching(/erased, position \d+/) });
    const after = await waitFor('every channel to be erased', async () => {
      const verdict = await verifyLive();
      return verdict.evidence.erased === before.evidence.erased + (trial?.evidence.length ?? 0) && verdict;
    });
    expect(after).toMatchObject({ code: 0, ok: true });
    const whole = join(folder, 'after.ndjson');
    await crucibleJson(['audit', 'export', '--out', whole]);
    expect(await verifyFile(whole)).toMatchObject({ ok: true, evidence: { erased: after.evidence.erased } });
  });
});
