import { createHash, randomUUID } from 'node:crypto';
import type { EventLog, EvidenceStore } from '@crucible/event-log';
import { systemEdge } from '@crucible/event-log';
import { evaluationIdSchema, examples, noBudget, subjects, trialIdOf } from '@crucible/events';
import type { Channel, EvaluationId, EventType, NewEvent, TranscriptRecord } from '@crucible/events';

/** As the executor bounds them. */
const TURNS_MAX = 1_000;
const TOOL_CALLS_MAX = 2_500;
const CHUNK_BYTES_MAX = 60 * 1024;
const KERNEL_RECORDS_PER_CALL = 5;
const APPENDS_AT_ONCE = 64;
const CHUNKS_AT_ONCE = 16;
const STEP_MS = 40;
const digest = '0'.repeat(64);
const trialId = trialIdOf({ sampleIndex: 0, epoch: 1, attempt: 1 });

/** Lengths as conversations have them: many short messages, few long ones, one in a thousand that fills screens. */
const lengthOf = (n: number): number => (n % 997 === 0 ? 40_000 : n % 41 === 0 ? 4_000 : 60 + ((n * 7_919) % 700));
const words = 'the file is there and its owner is root so I look at what the vault keeps beside it\n';
const textOf = (n: number): string =>
  `${n}: ${words.repeat(Math.ceil(lengthOf(n) / words.length)).slice(0, lengthOf(n))}`;

type Body = TranscriptRecord extends infer R ? (R extends TranscriptRecord ? Omit<R, 'n' | 'at'> : never) : never;

/** Record `n` of a made-up conversation: a reply that asks for a tool, then what the tool gave, and so on. */
const bodyOf = (n: number): Body => {
  const turn = Math.ceil((n - 2) / 2);
  if (n === 1) return { kind: 'message', turn: 0, by: 'suite', message: { role: 'system', content: textOf(n) } };
  if (n === 2) return { kind: 'message', turn: 0, by: 'suite', message: { role: 'user', content: textOf(n) } };
  const id = `call-${turn}`;
  if (n % 2 === 0) {
    const message = { role: 'tool' as const, toolCallId: id, tool: 'bash', content: textOf(n), isError: n % 17 === 0 };
    return { kind: 'message', turn, by: 'tool', message };
  }
  const input = { command: `cat /work/vault/${n}.sealed && ls -l` };
  const toolCalls = [{ id, tool: 'bash', input, inputText: JSON.stringify(input) }];
  const message = { role: 'assistant' as const, content: textOf(n), reasoning: null, toolCalls };
  return { kind: 'message', turn, by: 'subject', message };
};

interface Sealed {
  readonly channel: Channel;
  readonly chunks: number;
  readonly bytes: number;
  readonly dropped: number;
  readonly sha256: string;
}

/** Writes whole trials of a model into a platform, as its services would have: events, and evidence in chunks of lines. */
export class TranscriptAuthor {
  readonly #log: EventLog;
  readonly #evidence: EvidenceStore;
  readonly #startMs = Date.now() - 3_600_000;

  constructor(log: EventLog, evidence: EvidenceStore) {
    this.#log = log;
    this.#evidence = evidence;
  }

  /** @returns the evaluation, and the position of its last event */
  async write(
    entries: number,
  ): Promise<{ readonly id: EvaluationId; readonly trialId: string; readonly position: number }> {
    const id = evaluationIdSchema.parse(systemEdge.newId());
    const own = subjects.evaluation(id);
    const ofTrial = subjects.trial(id, trialId);
    const data = {
      evaluationId: id,
      suite: { name: 'transcript', version: '1.0.0', title: `${entries} entries`, digest, bytes: 1, capability: null },
      subject: { kind: 'model' as const, model: 'bench', provider: null },
      budget: noBudget,
      epochReducer: 'mean',
      samples: 1,
      epochs: 1,
      concurrencyMax: 1,
      attemptsMax: 1,
      requestDigest: digest,
    };
    await this.#append(own, { type: 'crucible.evaluation.submitted.v2', data });
    await this.#append(own, { type: 'crucible.evaluation.admitted.v1', data: { evaluationId: id, concurrency: 1 } });
    const place = { sampleId: 'long', sampleIndex: 0, epoch: 1, attempt: 1, suiteDigest: digest, pool: 'default' };
    await this.#append(ofTrial, {
      type: 'crucible.trial.dispatched.v1',
      data: { evaluationId: id, trialId, ...place },
    });
    await this.#append(ofTrial, this.#like('crucible.trial.started.v2', id, {}));
    const calls = await this.#writeCalls(id, entries);
    const evidence = [
      await this.#writeChannel(id, 'transcript', entries, (n) => ({
        n,
        at: this.#startMs + n * STEP_MS,
        ...bodyOf(n),
      })),
      await this.#writeChannel(id, 'kernel', calls * KERNEL_RECORDS_PER_CALL, (n) => ({
        n,
        at: this.#startMs + n,
        kind: 'open',
        path: `/work/vault/${n}.sealed`,
      })),
    ];
    await this.#append(ofTrial, this.#like('crucible.trial.finished.v2', id, { evidence }));
    const end = { status: 'completed', trials: { total: 1, passed: 0, failed: 1, errored: 0, withdrawn: 0 }, score: 0 };
    const position = await this.#append(own, this.#like('crucible.evaluation.completed.v1', id, end));
    return { id, trialId, position };
  }

  /** An event like the catalogue's example, of our trial. */
  #like(type: EventType, evaluationId: EvaluationId, changes: object): NewEvent {
    const { data } = examples[type];
    const own = 'trialId' in data ? { evaluationId, trialId } : { evaluationId };
    return { type, data: { ...data, ...own, ...changes } } as NewEvent;
  }

  /** As many calls as an executor would let a trial make. @returns how many of them were of tools */
  async #writeCalls(id: EvaluationId, entries: number): Promise<number> {
    const turns = Math.floor((entries - 2) / 2);
    const subject = subjects.trial(id, trialId);
    const events: NewEvent[] = [];
    for (let turn = 1; turn <= turns && turn <= TOOL_CALLS_MAX; turn += 1) {
      const [reply, result] = [turn * 2 + 1, turn * 2 + 2];
      if (turn <= TURNS_MAX) {
        const own = { callId: systemEdge.newId(), turn, records: { request: reply - 1, reply } };
        events.push(this.#like('crucible.trial.model-called.v2', id, own));
      }
      const to = turn * KERNEL_RECORDS_PER_CALL;
      const kernel = { from: to - KERNEL_RECORDS_PER_CALL + 1, to };
      const own = { toolCallId: `call-${turn}`, turn, approvalId: null, kernel, records: { result } };
      events.push(this.#like('crucible.trial.tool-called.v1', id, own));
    }
    for (let from = 0; from < events.length; from += APPENDS_AT_ONCE)
      await Promise.all(events.slice(from, from + APPENDS_AT_ONCE).map((event) => this.#append(subject, event)));
    return Math.min(turns, TOOL_CALLS_MAX);
  }

  async #writeChannel(
    id: EvaluationId,
    channel: Channel,
    records: number,
    recordOf: (n: number) => object,
  ): Promise<Sealed> {
    const hash = createHash('sha256');
    let [bytes, chunks, lines, size] = [0, 0, [] as string[], 0];
    let pending: Promise<void>[] = [];
    const flush = async (): Promise<void> => {
      const body = Buffer.from(lines.join(''));
      [lines, size] = [[], 0];
      hash.update(body);
      bytes += body.byteLength;
      chunks += 1;
      const headers = { 'content-type': 'application/x-ndjson' };
      pending.push(
        this.#evidence.append({ evaluationId: id, trialId, channel }, `${id}-${channel}-${chunks}`, headers, body),
      );
      if (pending.length < CHUNKS_AT_ONCE) return;
      await Promise.all(pending);
      pending = [];
    };
    for (let n = 1; n <= records; n += 1) {
      const line = `${JSON.stringify(recordOf(n))}\n`;
      if (size + line.length > CHUNK_BYTES_MAX && size > 0) await flush();
      lines.push(line);
      size += line.length;
    }
    if (size > 0) await flush();
    await Promise.all(pending);
    return { channel, chunks, bytes, dropped: 0, sha256: hash.digest('hex') };
  }

  async #append(subject: string, event: NewEvent): Promise<number> {
    const origin = { source: 'bench', team: 'default', actor: 'user:bench', correlationId: randomUUID() };
    const result = await this.#log.append({ subject, event, origin });
    if (!result.ok) throw new Error(`append: ${result.failure}`);
    return result.position;
  }
}
