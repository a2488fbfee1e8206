import { createHash, generateKeyPairSync } from 'node:crypto';
import { ContentMissing, InMemoryEventLog, InMemoryEvidence } from '@crucible/event-log';
import type { StoredCheckpoint, StoredEvent } from '@crucible/event-log';
import { evaluationIdSchema, noBudget, subjects, trialIdSchema } from '@crucible/events';
import type { EvaluationId, NewEvent } from '@crucible/events';
import { emptyRange, formatCheckpoint, hashLeaf, rootOf, verifyExport, withLeaf } from '@crucible/transparency';
import type { Hash, VerifyResult } from '@crucible/transparency';
import { signNote, verifierOf } from '@crucible/transparency/node';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Sealed } from '../sealing/sealer.ts';
import type { HashTile } from '../tree/tree-files.ts';
import { Export } from './export.ts';
import type { ExportPorts } from './export.ts';

const signer = { name: 'crucible/log/test', privateKey: generateKeyPairSync('ed25519').privateKey };
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const suite = Buffer.from('{"a":"suite"}');
const trialId = trialIdSchema.parse('0-1-1');

let made = 0;
const newId = (): string => `0199d7a0-0000-7000-8000-${String((made += 1)).padStart(12, '0')}`;

/** Log, checkpoints, evidence and suites in memory, with what an audit service would have made of them. */
class World {
  readonly log = new InMemoryEventLog({ now: () => 1_700_000_000_000, newId });
  readonly evidence = new InMemoryEvidence();
  readonly notes: StoredCheckpoint[] = [];
  /** The leaves as they came in. */
  readonly leaves: Hash[] = [];
  /** What a reader gets in place of what is stored. */
  alter: (stored: StoredEvent) => StoredEvent | null = (stored) => stored;
  last!: Sealed;

  async append(subject: string, event: NewEvent): Promise<number> {
    const origin = { source: 'test', team: 'default', actor: 'service:test', correlationId: newId() };
    const result = await this.log.append({ subject, event, origin });
    if (!result.ok) throw new Error(result.failure);
    return result.position;
  }

  async evaluation(id: EvaluationId, text = 'printed'): Promise<void> {
    const body = Buffer.from(text);
    await this.append(subjects.evaluation(id), {
      type: 'crucible.evaluation.submitted.v2',
      data: {
        evaluationId: id,
        suite: { name: 's', version: '1', title: 'S', digest: sha256(suite), bytes: suite.length, capability: null },
        subject: { kind: 'program' },
        budget: noBudget,
        epochReducer: 'mean',
        samples: 1,
        epochs: 1,
        concurrencyMax: 1,
        attemptsMax: 1,
        requestDigest: sha256(suite),
      },
    });
    const place = { evaluationId: id, trialId, channel: 'output' as const };
    for (const [index, byte] of body.entries())
      await this.evidence.append(place, `${id}-${index}`, { 'crucible-stream': 'stdout' }, Uint8Array.of(byte));
    const seal = {
      channel: 'output' as const,
      chunks: body.length,
      bytes: body.length,
      dropped: 0,
      sha256: sha256(body),
    };
    const none = { channel: 'kernel' as const, chunks: 0, bytes: 0, dropped: 0, sha256: sha256(Buffer.alloc(0)) };
    await this.append(subjects.trial(id, trialId), {
      type: 'crucible.trial.finished.v2',
      data: {
        evaluationId: id,
        trialId,
        outcome: 'passed',
        reason: 'exit',
        exitCode: 0,
        signal: null,
        verdict: 'contained',
        findings: [],
        limitsHit: [],
        scores: [],
        durationMs: 1,
        memoryBytesPeak: null,
        evidence: [seal, none],
        error: null,
        usage: null,
        answer: null,
      },
    });
  }

  erased(id: EvaluationId): Promise<number> {
    return this.append(subjects.platform('evidence'), {
      type: 'crucible.evidence.erased.v1',
      data: { evaluationId: id, trialId, channel: 'output', cause: 'request', requestedAt: 1, detail: '' },
    });
  }

  async seal(): Promise<void> {
    const size = await this.log.head();
    const signal = AbortSignal.timeout(2_000);
    if (this.leaves.length < size)
      for await (const { body } of this.log.follow({ from: this.leaves.length + 1, signal }))
        if (this.leaves.push(hashLeaf(body)) === size) break;
    const root = rootOf(this.leaves.reduce((range, leaf) => withLeaf(range, leaf), emptyRange));
    const checkpoint = { origin: signer.name, size, root };
    const note = signNote(formatCheckpoint(checkpoint), signer);
    const sequence = this.notes.length + 1;
    this.notes.push({ sequence, note });
    this.last = { note, checkpoint, sequence };
  }

  get ports(): ExportPorts {
    const { log, evidence, leaves, notes } = this;
    const altered = (stored: StoredEvent): StoredEvent | null => this.alter(stored);
    return {
      log: {
        head: () => log.head(),
        readSubject: (subject, from) => log.readSubject(subject, from),
        follow: async function* (options) {
          for await (const stored of log.follow(options)) {
            const read = altered(stored);
            if (read !== null) yield read;
          }
        },
      },
      history: {
        readAt: async (position) => {
          for await (const stored of log.follow({ from: position, signal: AbortSignal.timeout(1_000) })) return stored;
          return null;
        },
      },
      checkpoints: { read: (after, limit) => Promise.resolve(notes.slice(after, after + limit)) },
      content: {
        get: (digest) =>
          digest === sha256(suite) ? Promise.resolve(suite) : Promise.reject(new ContentMissing(digest)),
      },
      evidence,
      tree: {
        readable: leaves.length,
        leaves: (first, count) => leaves.slice(first - 1, first - 1 + count),
        read: ({ index, width }: HashTile) => Buffer.concat(leaves.slice(index * 256, index * 256 + width)),
      },
    };
  }

  async lines(evaluationId: EvaluationId | null = null, evidence = true): Promise<string[]> {
    const request = { evaluationId, evidence, createdAt: '2026-01-01T00:00:00.000Z' };
    const job = new Export(this.ports, this.last, request, AbortSignal.timeout(8_000));
    return all(job.lines());
  }
}

const verified = async (lines: readonly string[]): Promise<VerifyResult> =>
  verifyExport(
    (async function* () {
      yield Buffer.from(lines.join(''));
    })(),
    { verifier: verifierOf(signer) },
  );
const all = async (lines: AsyncIterable<string>): Promise<string[]> => {
  const taken: string[] = [];
  for await (const line of lines) taken.push(line);
  return taken;
};
const kindsOf = (lines: readonly string[]): string[] =>
  lines.map((line) => (JSON.parse(line) as { kind: string }).kind);

const one = evaluationIdSchema.parse('0199d7a0-1111-7000-8000-000000000001');
const two = evaluationIdSchema.parse('0199d7a0-1111-7000-8000-000000000002');
let world: World;
beforeEach(async () => {
  world = new World();
  await world.evaluation(one);
  await world.seal();
  world.log.inject(subjects.platform('executor'), Uint8Array.of(0xff, 0x00));
  await world.evaluation(two, 'other');
  await world.seal();
  await world.seal();
});

describe('an export of the whole log', () => {
  it('has everything in the order that the format says, and verifies', async () => {
    const lines = await world.lines();
    expect(kindsOf(lines)).toEqual([
      'export',
      ...['event', 'event', 'leaves', 'checkpoint'],
      ...['event', 'event', 'event', 'leaves', 'checkpoint', 'checkpoint'],
      'content',
      ...Array<string>(7 + 5).fill('evidence'),
      'end',
    ]);
    expect(await verified(lines)).toMatchObject({
      ok: true,
      events: 5,
      checkpoints: 3,
      contents: 1,
      undecodable: 1,
      // Of each trial a channel with output and one without.
      evidence: { verified: 4, erased: 0, included: true },
    });
  });

  it('can leave the evidence out', async () => {
    const lines = await world.lines(null, false);
    expect(kindsOf(lines)).not.toContain('evidence');
    expect(await verified(lines)).toMatchObject({ ok: true, evidence: { included: false } });
  });

  it('ends where its checkpoint does, whatever comes in meanwhile', async () => {
    const { last } = world;
    await world.evaluation(evaluationIdSchema.parse('0199d7a0-1111-7000-8000-000000000003'));
    await world.seal();
    world.last = last;
    expect(await verified(await world.lines())).toMatchObject({ ok: true, events: 5, checkpoints: 3 });
  });

  it('of a log that was changed names the event', async () => {
    world.alter = (stored) => (stored.position === 4 ? { ...stored, body: Buffer.from('{}') } : stored);
    expect(await verified(await world.lines())).toMatchObject({ ok: false, firstBadPosition: 4 });
  });

  it.each([1, 2, 3, 4])('of a log that lacks event %i names it', async (position) => {
    world.alter = (stored) => (stored.position === position ? null : stored);
    expect(await verified(await world.lines())).toMatchObject({ ok: false, firstBadPosition: position });
  });

  it('of a log that got shorter comes to an end, and shows the checkpoint that nothing leads to', async () => {
    const ports = world.ports;
    const request = { evaluationId: null, evidence: true, createdAt: '2026-01-01T00:00:00.000Z' };
    const log = { ...ports.log, head: () => Promise.resolve(4) };
    const checkpoints = { read: () => Promise.resolve([]) };
    const job = new Export({ ...ports, log, checkpoints }, world.last, request, AbortSignal.timeout(8_000));
    const lines = await all(job.lines());
    expect(kindsOf(lines).filter((kind) => kind === 'checkpoint').length).toBe(1);
    expect(await verified(lines)).toMatchObject({ ok: false, firstBadPosition: 5 });
  });

  it('shows a checkpoint that is not ours as it is', async () => {
    world.notes[1] = { sequence: 2, note: 'forged' };
    expect(await verified(await world.lines())).toMatchObject({ ok: false });
  });

  it('without what was erased says so', async () => {
    await world.evidence.erase({ evaluationId: one, trialId, channel: 'output' });
    expect(await verified(await world.lines())).toMatchObject({ ok: false });
    await world.erased(one);
    await world.seal();
    expect(await verified(await world.lines())).toMatchObject({ ok: true, evidence: { verified: 3, erased: 1 } });
  });

  it('stops when nobody wants it any more', async () => {
    const request = { evaluationId: null, evidence: true, createdAt: '2026-01-01T00:00:00.000Z' };
    const stop = new AbortController();
    const job = new Export(world.ports, world.last, request, stop.signal);
    const taking = async (): Promise<void> => {
      for await (const line of job.lines()) if (line.includes('"content"')) stop.abort();
    };
    await expect(taking()).rejects.toThrow('aborted');
  });
});

describe('an export of one evaluation', () => {
  it('has its events alone, each with its path, and verifies', async () => {
    await world.erased(two);
    await world.erased(one);
    await world.evidence.erase({ evaluationId: two, trialId, channel: 'output' });
    await world.seal();
    const lines = await world.lines(two);
    expect(kindsOf(lines)).toEqual(['export', 'checkpoint', 'event', 'event', 'event', 'content', 'end']);
    expect(lines.filter((line) => line.includes(one))).toEqual([]);
    expect(await verified(lines)).toMatchObject({
      ok: true,
      events: 3,
      evaluationId: two,
      evidence: { verified: 1, erased: 1 },
    });
    expect(await verified(await world.lines(one, false))).toMatchObject({ ok: true, events: 3 });
  });

  it('knows the place of its checkpoint also when it was signed in an earlier life', async () => {
    world.last = { ...world.last, sequence: null };
    const checkpoint = (await world.lines(one)).find((line) => line.includes('"checkpoint"')) ?? '';
    expect((JSON.parse(checkpoint) as { sequence: number }).sequence).toBe(2);
  });

  it('that was changed names the event', async () => {
    world.alter = (stored) => (stored.position === 5 ? { ...stored, body: Buffer.from('{}') } : stored);
    expect(await verified(await world.lines(two))).toMatchObject({ ok: false, firstBadPosition: 5 });
  });
});
