import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../bytes.ts';
import { formatCheckpoint, parseCheckpoint } from '../checkpoint.ts';
import { signNote, verifierOf } from '../node.ts';
import {
  erased,
  evaluationId,
  event,
  exampleChunks,
  exampleEvents,
  newSigner,
  noteAt,
  partialExport,
  wholeExport,
} from '../testing/example-log.ts';
import type { StoredEvent } from '../testing/example-log.ts';
import { encodeCheckpointLine, encodeEventLine } from './encode.ts';
import type { VerifyOptions, VerifyResult } from './result.ts';
import { ExportVerifier } from './verify.ts';

const signer = newSigner();
const options: VerifyOptions = { verifier: verifierOf(signer) };
const events = exampleEvents();
const honest = wholeExport({ signer, events });

const verifyBytes = (bytes: Uint8Array, more: Partial<VerifyOptions> = {}): VerifyResult => {
  const verifier = new ExportVerifier({ ...options, ...more });
  for (let at = 0; at < bytes.length; at += 1_000) verifier.push(bytes.subarray(at, at + 1_000));
  return verifier.finish();
};
const verify = (lines: readonly string[], more: Partial<VerifyOptions> = {}): VerifyResult =>
  verifyBytes(utf8(lines.join('')), more);

const lineOf = (position: number): number => honest.findIndex((line) => line.includes(`"position":${position},`));
const flip = (stored: StoredEvent, at: number): StoredEvent => ({
  ...stored,
  body: stored.body.with(at, (stored.body[at] ?? 0) ^ 1) as Uint8Array,
});
const refused = (position: number | null, reason: string) => ({
  ok: false,
  firstBadPosition: position,
  reason: expect.stringContaining(reason) as string,
});

describe('an honest export', () => {
  it('is ok, with count and root', () => {
    expect(verify(honest)).toEqual({
      ok: true,
      events: 12,
      root: Buffer.from(parseCheckpoint(noteAt(events, 12, signer))?.root ?? []).toString('hex'),
      firstBadPosition: null,
      reason: null,
      evidence: { verified: 4, erased: 0, included: true },
      checkpoints: 2,
      contents: 1,
      undecodable: 1,
      size: 12,
      evaluationId: null,
    });
  });

  it('is ok without noted leaves, with checkpoints anywhere, and in pieces of any size', () => {
    const places = fc.uniqueArray(fc.integer({ min: 1, max: 11 }), { maxLength: 6 });
    fc.assert(
      fc.property(places, fc.boolean(), fc.integer({ min: 1, max: 5_000 }), (sizes, leaves, piece) => {
        const checkpoints = [...sizes.toSorted((a, b) => a - b), 12];
        const bytes = utf8(wholeExport({ signer, events, checkpoints, leaves }).join(''));
        const verifier = new ExportVerifier({ ...options, kept: [{ note: noteAt(events, 7, signer), from: 'kept' }] });
        for (let at = 0; at < bytes.length; at += piece) verifier.push(bytes.subarray(at, at + piece));
        expect(verifier.finish()).toMatchObject({ ok: true, checkpoints: checkpoints.length });
      }),
    );
  });

  it('agrees with every checkpoint kept from earlier', () => {
    for (let size = 0; size <= 12; size += 1)
      expect(verify(honest, { kept: [{ note: noteAt(events, size, signer), from: 'kept' }] }).ok).toBe(true);
  });

  it('of an empty log is ok', () => {
    const lines = wholeExport({ signer, events: [], checkpoints: [], chunks: [], contents: [] });
    expect(verify(lines)).toMatchObject({ ok: true, events: 0, reason: null });
  });
});

describe('a changed log is noticed, and the event named', () => {
  const told = (changed: readonly StoredEvent[], leaves = true): VerifyResult =>
    verify(wholeExport({ signer, events: changed, signed: events, leaves }));

  it.each(events.map((_, index) => index + 1))('by any one bit of event %i', (position) => {
    const stored = events[position - 1];
    if (stored === undefined) throw new Error('no such event');
    for (let at = 0; at < stored.body.length; at += 7) {
      const result = told(events.with(position - 1, flip(stored, at)));
      expect(result).toMatchObject({ ok: false, firstBadPosition: position });
    }
  });

  it('by a removed event, whether its place is empty or closed', () => {
    for (let position = 1; position <= 12; position += 1) {
      const gap = honest.toSpliced(lineOf(position), 1);
      expect(verify(gap)).toMatchObject({ ok: false, firstBadPosition: position });
      expect(told(events.toSpliced(position - 1, 1))).toMatchObject({ ok: false, firstBadPosition: position });
    }
  });

  it('by two that were swapped, with or without their positions', () => {
    const [third, fourth] = [events[2], events[3]];
    if (third === undefined || fourth === undefined) throw new Error('no such event');
    expect(told(events.with(2, fourth).with(3, third))).toMatchObject(refused(3, 'is not what was signed'));
    const lines = honest.with(lineOf(3), honest[lineOf(4)] ?? '').with(lineOf(4), honest[lineOf(3)] ?? '');
    expect(verify(lines)).toMatchObject(refused(3, 'event 3 is missing: event 4 follows'));
  });

  it('by a forged event, put in or put in place of another', () => {
    const forged = event(
      99,
      'crucible.evaluation.completed.v1',
      { evaluationId },
      `crucible.events.evaluation.${evaluationId}`,
    );
    for (let position = 1; position <= 12; position += 1) {
      expect(told(events.toSpliced(position - 1, 0, forged))).toMatchObject({ ok: false, firstBadPosition: position });
      expect(told(events.with(position - 1, forged))).toMatchObject({ ok: false, firstBadPosition: position });
    }
    const behind = [
      ...honest.slice(0, lineOf(12) + 1),
      encodeEventLine({ position: 13, ...forged }),
      ...honest.slice(lineOf(12) + 1),
    ];
    expect(verify(behind)).toMatchObject(refused(13, 'behind the last checkpoint'));
  });

  it('by an event under another subject or message id', () => {
    const [, second] = events;
    if (second === undefined) throw new Error('no such event');
    const moved = { ...second, subject: 'crucible.events.platform.executor' };
    expect(told(events.with(1, moved))).toMatchObject(refused(2, 'its body was written for'));
    expect(told(events.with(1, { ...second, messageId: 'other' }))).toMatchObject(refused(2, 'its body has the id'));
  });

  it('without noted leaves between two checkpoints', () => {
    const stored = events[8];
    if (stored === undefined) throw new Error('no such event');
    const result = told(events.with(8, flip(stored, stored.body.length - 4)), false);
    expect(result).toMatchObject(refused(6, 'an event from 6 to 12 is not what was signed'));
  });

  it('by noted leaves that were changed along with the event, or alone', () => {
    const stored = events[8];
    if (stored === undefined) throw new Error('no such event');
    const forged = events.with(8, flip(stored, stored.body.length - 4));
    const lies = wholeExport({ signer, events: forged });
    const note = encodeCheckpointLine({ sequence: 2, note: noteAt(events, 12, signer) });
    const at = lies.findLastIndex((line) => line.includes('"checkpoint"'));
    expect(verify(lies.with(at, note))).toMatchObject(refused(6, 'an event from 6 to 12'));
    const leaves = lies[at - 1] ?? '';
    expect(verify(honest.with(at - 1, leaves))).toMatchObject(refused(9, 'the leaf hash noted for event 9'));
  });

  it('by its tail cut off, anywhere', () => {
    const bytes = utf8(honest.join(''));
    for (let at = 0; at < bytes.length; at += 61) {
      const result = verifyBytes(bytes.subarray(0, at));
      expect(result.ok).toBe(false);
      expect(result.firstBadPosition).toBeLessThanOrEqual(13);
      expect(result.reason).toContain('truncated');
    }
    expect(verify(honest.slice(0, lineOf(9)))).toMatchObject(refused(9, 'truncated'));
    expect(verify(honest.toSpliced(lineOf(12), 1))).toMatchObject({ ok: false, firstBadPosition: 12 });
  });

  it('by any one bit of the file, apart from what nothing vouches for', () => {
    const bytes = utf8(honest.join(''));
    for (let at = 0; at < bytes.length; at += 5) {
      const changed = bytes.with(at, (bytes[at] ?? 0) ^ (1 << (at % 8)));
      const result = verifyBytes(changed);
      // When it was made, the order of checkpoints and chunks, and the envelope of what is no event of ours.
      const unvouched = /^\{"kind":("export"|"checkpoint"|"evidence"|"event","position":7,)/;
      const line = Buffer.from(bytes.subarray(0, at)).toString('latin1').lastIndexOf('\n') + 1;
      const text = Buffer.from(bytes.subarray(line)).toString().split('\n')[0] ?? '';
      if (result.ok) expect(text).toMatch(unvouched);
      else expect(result.reason).not.toBeNull();
    }
  });
});

describe('a changed checkpoint is noticed', () => {
  const at = honest.findIndex((line) => line.includes('"kind":"checkpoint"'));

  it('signed by another key, also under the same name', () => {
    for (const other of [newSigner(signer.name), newSigner('other')]) {
      const note = noteAt(events, 5, other);
      expect(verify(honest.with(at, encodeCheckpointLine({ sequence: 1, note })))).toMatchObject(
        refused(5, 'cannot be trusted'),
      );
    }
  });

  it('of another size, order or root', () => {
    const wrong = (size: number, sequence = 1) =>
      encodeCheckpointLine({ sequence, note: noteAt(events, size, signer) });
    expect(verify(honest.with(at, wrong(4)))).toMatchObject(refused(1, 'an event from 1 to 5'));
    expect(verify(honest.with(at, wrong(6)))).toMatchObject({ ok: false });
    expect(verify(honest.with(at, wrong(5, 2)))).toMatchObject(refused(12, 'checkpoint 2 comes behind 2'));
    const root = new Uint8Array(32);
    const note = signNote(formatCheckpoint({ origin: signer.name, size: 5, root }), signer);
    expect(verify(honest.with(at, encodeCheckpointLine({ sequence: 1, note })))).toMatchObject(
      refused(1, 'an event from 1 to 5'),
    );
  });

  it('missing at the end', () => {
    const last = honest.findLastIndex((line) => line.includes('"kind":"checkpoint"'));
    expect(verify(honest.toSpliced(last, 1))).toMatchObject(refused(6, 'no checkpoint covers events 6 to 12'));
  });

  it('when the log was rolled back behind one that was kept', () => {
    const older = wholeExport({ signer, events: events.slice(0, 9), checkpoints: [5, 9] });
    const kept = [{ note: noteAt(events, 12, signer), from: 'the checkpoint kept here' }];
    expect(verify(older).ok).toBe(true);
    expect(verify(older, { kept })).toMatchObject(refused(10, 'an older copy'));
  });

  it('when the log was written anew, and signed with the right key', () => {
    const other = event(1, 'crucible.executor.started.v1', { executorId: 'x' }, 'crucible.events.platform.executor');
    const anew = wholeExport({ signer, events: events.with(7, { ...other, messageId: null }) });
    expect(verify(anew).ok).toBe(true);
    const kept = (size: number) => [{ note: noteAt(events, size, signer), from: 'the checkpoint kept here' }];
    expect(verify(anew, { kept: kept(10) })).toMatchObject(refused(6, 'events 1 to 10 are not those'));
    expect(verify(anew, { kept: kept(12) })).toMatchObject({ ok: false, firstBadPosition: 6 });
    expect(verify(anew, { kept: kept(7) }).ok).toBe(true);
  });

  it('of another log, or kept from one', () => {
    const other = newSigner('crucible/log/other');
    expect(verify(honest, { verifier: verifierOf(other) })).toMatchObject(refused(null, 'this is the log'));
    const kept = [{ note: noteAt(events, 5, other), from: 'kept' }];
    expect(verify(honest, { kept })).toMatchObject(refused(null, 'kept cannot be trusted'));
  });
});

describe('evidence', () => {
  const chunks = exampleChunks();
  const told = (some: readonly (typeof chunks)[number][], more: readonly StoredEvent[] = []): VerifyResult =>
    verify(wholeExport({ signer, events: [...events, ...more], checkpoints: [12 + more.length], chunks: some }));

  it('that was edited is noticed at the event that sealed it', () => {
    const edited = chunks.map((chunk, index) => (index === 4 ? { ...chunk, body: utf8('from 2-1-2') } : chunk));
    expect(told(edited)).toMatchObject(refused(9, 'channel "output" of trial "2-1-1"'));
    expect(told(edited).reason).toContain('was edited');
  });

  it('that is missing is noticed, in part or whole', () => {
    expect(told(chunks.toSpliced(1, 1))).toMatchObject(refused(6, 'is missing'));
    expect(told(chunks.slice(0, 3))).toMatchObject(refused(9, 'is missing'));
    expect(told([])).toMatchObject(refused(6, 'is missing'));
  });

  it('that was erased by an event is ok, and counted', () => {
    const more = [erased(13, '1-1-1', 'output'), erased(14, '2-1-1', 'kernel')];
    const left = chunks.filter(
      ({ trialId, channel }) =>
        !(trialId === '1-1-1' && channel === 'output') && !(trialId === '2-1-1' && channel === 'kernel'),
    );
    expect(told(left, more)).toMatchObject({ ok: true, evidence: { verified: 2, erased: 2 } });
    expect(told(left, more.slice(1))).toMatchObject(refused(6, 'channel "output" of trial "1-1-1"'));
  });

  it('is not erased, sealed or asked for by an event that stands where others write', () => {
    const own = [erased(13, '1-1-1', 'output'), ...[events[5], events[1]].flatMap((each) => each ?? [])];
    const subject = 'crucible.events.platform.delivery';
    const more = own.map(({ body }, index) => {
      const { type, data } = JSON.parse(Buffer.from(body).toString()) as { type: string; data: object };
      return event(20 + index, type, { ...data, suite: { digest: '0'.repeat(64) } }, subject);
    });
    expect(told(exampleChunks(), more)).toMatchObject({
      ok: true,
      evidence: { verified: 4, erased: 0 },
      undecodable: 1 + more.length,
    });
    const left = exampleChunks().filter(({ trialId, channel }) => trialId !== '1-1-1' || channel !== 'output');
    expect(told(left, more)).toEqual(expect.objectContaining(refused(6, 'is missing')));
  });

  it('in another order, twice, or of no seal is noticed', () => {
    expect(told([chunks[1], chunks[0], ...chunks.slice(2)].flatMap((chunk) => chunk ?? []))).toMatchObject(
      refused(6, 'out of order'),
    );
    expect(told([...chunks.slice(3), ...chunks.slice(0, 3)])).toMatchObject({ ok: false, firstBadPosition: 6 });
    const stranger = { trialId: '3-1-1', channel: 'output', sequence: 1, body: utf8('x') };
    expect(told([...chunks, stranger])).toMatchObject({ ok: false });
    expect(told([...chunks, ...chunks.slice(0, 2)])).toMatchObject({ ok: false });
  });
});

describe('contents', () => {
  it('that were edited, are missing or named by nothing are noticed', () => {
    const told = (contents: Uint8Array[]) => verify(wholeExport({ signer, events, contents }));
    expect(told([utf8('{"suite":"second-contact"}')])).toMatchObject(refused(2, 'was edited'));
    expect(told([])).toMatchObject(refused(2, 'is missing'));
    const at = honest.findIndex((line) => line.includes('"kind":"content"'));
    expect(verify(honest.toSpliced(at, 0, honest[at] ?? ''))).toMatchObject(refused(13, 'there twice'));
  });
});

describe('an export of one evaluation', () => {
  it('is ok when every event is proven', async () => {
    const result = verify(await partialExport({ signer, events }));
    expect(result).toMatchObject({ ok: true, events: 8, checkpoints: 1, size: 12, evaluationId });
  });

  it('is refused with a wrong proof, a moved, changed or foreign event, or without checkpoint', async () => {
    const lines = await partialExport({ signer, events });
    const at = lines.findIndex((line) => line.includes('"position":5,'));
    const proof = /"proof":\["([^"]*)"/.exec(lines[at - 1] ?? '')?.[1] ?? '';
    const wrong = (lines[at] ?? '').replace(/"proof":\["([^"]*)"/, `"proof":["${proof}"`);
    expect(verify(lines.with(at, wrong))).toMatchObject(refused(5, 'its proof does not lead to the root'));
    const moved = (lines[at] ?? '').replace('"position":5,', '"position":7,');
    expect(verify(lines.with(at, moved).toSpliced(at + 1, 1))).toMatchObject(refused(7, 'proof'));
    const changed = (lines[at] ?? '').replace('trial.started', 'trial.startled');
    expect(verify(lines.with(at, changed))).toMatchObject(refused(5, 'proof'));
    expect(verify(lines.toSpliced(1, 1))).toMatchObject(refused(2, 'no checkpoint'));
    expect(verify(lines.toSpliced(at, 0, honest[lineOf(1)] ?? ''))).toMatchObject(refused(1, 'has no proof'));
    expect(verify(lines.toSpliced(at, 1))).toMatchObject({ ok: false });
    const header = (lines[0] ?? '').replace(evaluationId, evaluationId.replace('2f6b', '2f6c'));
    expect(verify(lines.with(0, header))).toMatchObject(refused(2, 'is not of this evaluation'));
  });

  it('is held against checkpoints kept from earlier', async () => {
    const lines = await partialExport({ signer, events });
    const kept = (all: readonly StoredEvent[], size: number) => [{ note: noteAt(all, size, signer), from: 'kept' }];
    expect(verify(lines, { kept: kept(events, 12) }).ok).toBe(true);
    const longer = [...events, erased(13, '1-1-1', 'output')];
    expect(verify(lines, { kept: kept(longer, 13) })).toMatchObject(refused(13, 'older copy'));
    expect(verify(lines, { kept: kept(longer.slice(1), 12) })).toMatchObject(refused(1, 'are not those'));
  });
});

describe('whatever else a file can be', () => {
  it('is refused with a reason and nothing thrown', () => {
    const anything = fc.oneof(fc.uint8Array({ maxLength: 2_000 }), fc.json().map(utf8), fc.string().map(utf8));
    fc.assert(
      fc.property(anything, fc.nat(honest.length), (bytes, at) => {
        const before = utf8(honest.slice(0, at).join(''));
        const after = utf8(honest.slice(at).join(''));
        const result = verifyBytes(Buffer.concat([before, bytes, Buffer.from('\n'), after]));
        expect(result).toMatchObject({ ok: false, reason: expect.any(String) as string });
      }),
    );
  });

  it.each([
    ['deep JSON', '['.repeat(1_000_000)],
    ['a deep line of the format', `{"kind":"checkpoint","sequence":${'['.repeat(400_000)}`],
    ['a deep header', `{"kind":"evidence","evaluationId":"a","headers":${'{"a":'.repeat(300_000)}`],
    ['a member twice', '{"kind":"checkpoint","sequence":1,"sequence":2,"note":"x"}'],
    ['a member too many', '{"kind":"checkpoint","sequence":1,"note":"x","more":1}'],
    ['members in another order', '{"kind":"checkpoint","note":"x","sequence":1}'],
    ['blanks', '{"kind":"checkpoint", "sequence":1,"note":"x"}'],
    ['another type', '{"kind":"checkpoint","sequence":"1","note":"x"}'],
    ['a fraction', '{"kind":"checkpoint","sequence":1.5,"note":"x"}'],
    ['no object', '{"kind":"checkpoint",'],
    ['an unknown kind', '{"kind":"constructor","sequence":1}'],
    [
      'an event with its body twice',
      '{"kind":"event","position":1,"subject":"a","messageId":null,"body":"a","body":"b"}',
    ],
    ['an event with a lone surrogate', '{"kind":"event","position":1,"subject":"a","messageId":null,"body":"\\ud800"}'],
    [
      'an event with a control character',
      '{"kind":"event","position":1,"subject":"a\u0001","messageId":null,"body":"a"}',
    ],
    ['an event of nothing but escapes', `{"kind":"event","position":1,"subject":"${'\\"'.repeat(250_000)}`],
    [
      'an event of nothing but quotes',
      `{"kind":"event","position":1,"subject":"a","messageId":null,"body":${'"'.repeat(500_000)}}`,
    ],
    [
      'an event of nothing but proofs',
      `{"kind":"event","position":1,"subject":"a","messageId":null,"body":"${'","proof":['.repeat(50_000)}}`,
    ],
    ['an event at no position', '{"kind":"event","position":0,"subject":"a","messageId":null,"body":"a"}'],
    ['text as base64', '{"kind":"event","position":1,"subject":"a","messageId":null,"bodyBase64":"YQ=="}'],
    ['base64 with bits to spare', '{"kind":"event","position":1,"subject":"a","messageId":null,"bodyBase64":"/x=="}'],
    [
      'an event too large',
      `{"kind":"event","position":1,"subject":"a","messageId":null,"body":"${'x'.repeat(65_536)}"}`,
    ],
    ['a line too long', `{"kind":"event","position":1,"subject":"a","messageId":null,"body":"${'x'.repeat(600_000)}"}`],
  ])('is refused: %s', (_, line) => {
    expect(verify([honest[0] ?? '', `${line}\n`])).toMatchObject({ ok: false, firstBadPosition: 1 });
  });

  it('is a line without end, of which no more is held than may be', () => {
    const verifier = new ExportVerifier(options);
    const piece = new Uint8Array(16 * 2 ** 20).fill(0x20);
    for (let round = 0; round < 8; round += 1) verifier.push(piece);
    expect(verifier.finish()).toMatchObject({ ok: false, reason: expect.stringContaining('longer than') as string });
  });

  it('is a second file behind the first', () => {
    expect(verify([...honest, ...honest])).toMatchObject({ ok: false });
    expect(verify([...honest, '\n'])).toMatchObject({ ok: false });
    expect(verify([...honest, 'x'])).toMatchObject({ ok: false });
  });

  it('counts wrongly in its last line', () => {
    const last = honest.at(-1) ?? '';
    expect(verify(honest.with(-1, last.replace('"events":12', '"events":11')))).toMatchObject(
      refused(13, 'counts 11 events'),
    );
  });
});
