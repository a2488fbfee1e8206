import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { toStoredEvent } from '@crucible/event-log';
import type { StoredEvent } from '@crucible/event-log';
import { envelop, evaluationIdSchema, examples, subjects, trialIdOf, uuidv7 } from '@crucible/events';
import type { EvaluationId, EventType, NewEvent } from '@crucible/events';
import type { LogSource } from '@crucible/read-model';

const TRIALS_PER_EVALUATION = 1_000;
/** Evaluations that run side by side, and trials of each. */
const EVALUATIONS_AT_ONCE = 4;
const TRIALS_AT_ONCE = 8;
const START_MS = Date.UTC(2026, 0, 1);
const READ_BYTES = 1024 ** 2;
const NEWLINE = 0x0a;

/** One line for each event: its stored bytes. An event on another place of the catalogue's own example. */
const line = (index: number, type: EventType, subject: string, changes: object): string => {
  const id = uuidv7(START_MS + index, randomBytes(16));
  const origin = { source: examples[type].writtenBy, team: 'default', actor: 'user:bench', correlationId: id };
  const event = { type, data: { ...examples[type].data, ...changes } } as NewEvent;
  return `${JSON.stringify(envelop(event, { id, nowMs: START_MS + index, subject, origin }))}\n`;
};

/** One evaluation's events, its trials side by side, as a scheduler and an executor write them. */
function* evaluationEvents(next: () => number): Generator<string> {
  const evaluationId: EvaluationId = evaluationIdSchema.parse(uuidv7(START_MS + next(), randomBytes(16)));
  const own = (type: EventType, changes: object = {}): string =>
    line(next(), type, subjects.evaluation(evaluationId), { evaluationId, ...changes });
  const ofTrial = (type: EventType, sampleIndex: number): string => {
    const trialId = trialIdOf({ sampleIndex, epoch: 1, attempt: 1 });
    const place = type === 'crucible.trial.dispatched.v1' ? { sampleIndex, epoch: 1, attempt: 1 } : {};
    return line(next(), type, subjects.trial(evaluationId, trialId), { evaluationId, trialId, ...place });
  };
  yield own('crucible.evaluation.submitted.v2', { samples: TRIALS_PER_EVALUATION, epochs: 1 });
  yield own('crucible.evaluation.admitted.v1');
  for (let sample = 0; sample < TRIALS_PER_EVALUATION + TRIALS_AT_ONCE; sample += 1) {
    if (sample < TRIALS_PER_EVALUATION) yield ofTrial('crucible.trial.dispatched.v1', sample);
    const started = sample - TRIALS_AT_ONCE / 2;
    if (started >= 0 && started < TRIALS_PER_EVALUATION) yield ofTrial('crucible.trial.started.v2', started);
    const finished = sample - TRIALS_AT_ONCE;
    if (finished >= 0) yield ofTrial('crucible.trial.finished.v2', finished);
  }
  yield own('crucible.evaluation.completed.v1');
}

function* exampleLog(): Generator<string> {
  let index = 0;
  const next = (): number => (index += 1);
  const running = Array.from({ length: EVALUATIONS_AT_ONCE }, () => evaluationEvents(next));
  for (;;)
    for (const [lane, evaluation] of running.entries()) {
      const { value } = evaluation.next();
      if (typeof value === 'string') yield value;
      else running[lane] = evaluationEvents(next);
    }
}

/** Writes a log of so many events. Made once, because making events costs more than reading them. */
export const writeLog = async (path: string, events: number): Promise<void> => {
  const file = createWriteStream(path);
  let written = 0;
  for (const text of exampleLog()) {
    if (written === events) break;
    written += 1;
    if (!file.write(text)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'close');
};

/** The first `events` of a written log, decoded as the event log decodes them, in batches. */
export async function* readLog(path: string, events: number, batchMax: number): AsyncGenerator<StoredEvent[]> {
  let position = 0;
  let batch: StoredEvent[] = [];
  for await (const body of linesOf(path)) {
    position += 1;
    batch.push(toStoredEvent({ position, subject: subjectIn(body), messageId: null, body }));
    if (batch.length === batchMax || position === events) {
      yield batch;
      batch = [];
    }
    if (position === events) return;
  }
}

/** A stream keeps the subject beside the body; here it is taken out of it, without reading the rest. */
const subjectIn = (body: Buffer): string => {
  const begin = body.indexOf('"subject":"') + 11;
  return body.toString('latin1', begin, body.indexOf('"', begin));
};

async function* linesOf(path: string): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES })) {
    const bytes = Buffer.concat([rest, chunk as Buffer]);
    let begin = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, begin)) {
      yield bytes.subarray(begin, end);
      begin = end + 1;
    }
    rest = bytes.subarray(begin);
  }
}

/** A written log as a rebuild reads it: once, from its first event. */
export const fileSource = (path: string, events: number, batchMax: number): LogSource => ({
  head: () => Promise.resolve(events),
  read: () => readLog(path, events, batchMax),
});
