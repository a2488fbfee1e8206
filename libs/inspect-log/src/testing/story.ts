import type { CallView, EvidenceRecord } from '@crucible/api';
import { reduceEvaluation, reduceTrial, isOfTrial, supersededBy } from '@crucible/domain';
import type { EvaluationView, Positioned, TrialView } from '@crucible/domain';
import { envelop, evaluationIdSchema, examples, noBudget, trialIdOf, uuidv7 } from '@crucible/events';
import type { EventData, EventType, ModelMessage, NewEvent, Speaker, Subject, TrialId } from '@crucible/events';
import { epochsOf, suiteSchema } from '@crucible/suite';
import type { Suite, SuiteFileInput } from '@crucible/suite';
import { EvidenceGone } from '../source.ts';
import type { LogSource } from '../source.ts';

const evaluationId = evaluationIdSchema.parse('019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f');
const START_MS = Date.parse('2026-01-01T00:00:00.000Z');
const STEP_MS = 100;
const digest = 'ab'.repeat(32);
const COST_MICRO_USD = 1_500;

export interface Place {
  readonly sampleIndex: number;
  readonly epoch?: number;
  readonly attempt?: number;
}

export const placeId = ({ sampleIndex, epoch = 1, attempt = 1 }: Place): TrialId =>
  trialIdOf({ sampleIndex, epoch, attempt });

/** One evaluation told event by event and record by record, with the views that the platform folds of it. */
export class Story {
  readonly suite: Suite;
  readonly events: Positioned[] = [];
  readonly #transcripts = new Map<string, EvidenceRecord[]>();
  readonly #printed = new Map<string, Uint8Array[]>();
  readonly #gone = new Map<string, string>();

  constructor(suite: SuiteFileInput, subject: Subject) {
    this.suite = suiteSchema.parse(suite);
    const { name, version, title, capability = null } = this.suite.metadata;
    const { count: epochs, reducer: epochReducer } = epochsOf(this.suite);
    const { concurrency: concurrencyMax, attempts: attemptsMax } = this.suite.limits;
    this.#add('crucible.evaluation.submitted.v2', {
      evaluationId,
      suite: { name, version, title, digest, bytes: 1, capability },
      ...{ subject, budget: noBudget, epochReducer, epochs, concurrencyMax, attemptsMax, requestDigest: digest },
      samples: this.suite.dataset.samples.length,
    });
    this.#add('crucible.evaluation.admitted.v1', { evaluationId, concurrency: concurrencyMax });
  }

  /** An event of a trial; what is not given is as in the published example. */
  trial<T extends EventType>(type: T, place: Place, data: Partial<EventData<T>> = {}): this {
    return this.#add(type, { ...examples[type].data, evaluationId, trialId: placeId(place), ...data } as EventData<T>);
  }

  dispatched(place: Place): this {
    const { sampleIndex, epoch = 1, attempt = 1 } = place;
    const sampleId = this.suite.dataset.samples[sampleIndex]?.id ?? '';
    return this.trial('crucible.trial.dispatched.v1', place, { sampleIndex, sampleId, epoch, attempt });
  }

  started(place: Place): this {
    return this.dispatched(place).trial('crucible.trial.started.v2', place);
  }

  /** A message of the conversation, or beside it. @returns number of its record */
  says(place: Place, by: Speaker | 'user-aside' | 'grader-aside', message: ModelMessage, turn = 1): number {
    const role = by === 'user-aside' ? 'user' : by === 'grader-aside' ? 'grader' : null;
    return this.#record(
      place,
      role === null ? { kind: 'message', turn, by, message } : { kind: 'aside', turn, role, message },
    );
  }

  turn(place: Place, turn: number): this {
    this.#record(place, { kind: 'turn', turn, messages: 1, sha256: digest });
    return this;
  }

  /** The subject is asked, or another model, and replies. */
  replies(
    place: Place,
    content: string,
    toolCalls: Extract<ModelMessage, { role: 'assistant' }>['toolCalls'] = [],
    more: Partial<EventData<'crucible.trial.model-called.v2'>> & { readonly reasoning?: string } = {},
  ): this {
    const { reasoning = null, ...data } = more;
    const role = data.role ?? 'subject';
    const by = role === 'subject' ? 'subject' : (`${role}-aside` as const);
    const request = this.#transcripts.get(placeId(place))?.length ?? null;
    const reply = this.says(place, by, { role: 'assistant', content, reasoning, toolCalls }, data.turn ?? 1);
    const id = uuidv7(START_MS + this.events.length, new Uint8Array(16).fill(this.events.length % 256));
    const told = { callId: id, turn: 1, costMicroUsd: COST_MICRO_USD, records: { request, reply }, ...data };
    return this.trial('crucible.trial.model-called.v2', place, told);
  }

  /** What a tool gave back. */
  answers(
    place: Place,
    toolCallId: string,
    content: string,
    more: Partial<EventData<'crucible.trial.tool-called.v1'>> = {},
  ): this {
    const isError = more.status !== undefined && more.status !== 'ok';
    const tool = more.tool ?? 'bash';
    const result = this.says(place, 'tool', { role: 'tool', toolCallId, tool, content, isError }, more.turn ?? 1);
    const told = { toolCallId, tool, turn: 1, approvalId: null, records: { result }, ...more };
    return this.trial('crucible.trial.tool-called.v1', place, told);
  }

  prints(place: Place, ...pieces: (string | Uint8Array)[]): this {
    this.#printed.set(
      placeId(place),
      pieces.map((piece) => Buffer.from(piece)),
    );
    return this;
  }

  finished(place: Place, data: Partial<EventData<'crucible.trial.finished.v2'>> = {}): this {
    return this.trial('crucible.trial.finished.v2', place, data);
  }

  erased(place: Place, channel: string): this {
    this.trial('crucible.evidence.erased.v1', place, { channel: channel as 'transcript' });
    const at = this.events.at(-1)?.position ?? 0;
    this.#gone.set(`${placeId(place)} ${channel}`, `erased, position ${at}: the ${channel} of trial ${placeId(place)}`);
    return this;
  }

  over(status: 'completed' | 'cancelled' = 'completed'): this {
    const { trials } = this.evaluation;
    const { total, passed, failed, errored, withdrawn } = trials;
    return this.#add('crucible.evaluation.completed.v1', {
      evaluationId,
      status,
      trials: { total, passed, failed, errored, withdrawn },
      score: 0.5,
    });
  }

  get evaluation(): EvaluationView {
    const view = this.events.reduce<EvaluationView | undefined>(reduceEvaluation, undefined);
    if (view === undefined) throw new Error('a story begins with a submission');
    return view;
  }

  get trials(): TrialView[] {
    const views = new Map<string, TrialView>();
    for (const { event, position } of this.events) {
      if (!isOfTrial(event)) continue;
      const view = reduceTrial(views.get(event.data.trialId), { event, position });
      if (view !== undefined) views.set(view.id, view);
      const earlier = views.get(supersededBy(event) ?? '');
      if (earlier !== undefined) views.set(earlier.id, { ...earlier, latest: false });
    }
    const at = ({ sampleIndex, epoch, attempt }: TrialView): number => (sampleIndex * 1_000 + epoch) * 10 + attempt;
    return [...views.values()].sort((one, other) => at(one) - at(other));
  }

  source(): LogSource {
    const { suite, events, evaluation, trials } = this;
    const transcripts = this.#transcripts;
    const printed = this.#printed;
    const check = (trial: TrialView, channel: string): void => {
      const why = this.#gone.get(`${trial.id} ${channel}`);
      if (why !== undefined) throw new EvidenceGone(why);
    };
    return {
      ...{ evaluation, suite, platformVersion: '0.1.0' },
      trials: () => each(trials),
      events: () => each(events),
      calls: ({ id }) => each(callsOf(events, id)),
      transcript: async function* (trial) {
        check(trial, 'transcript');
        // As it comes over the wire: plain data.
        for (const record of transcripts.get(trial.id) ?? [])
          yield JSON.parse(JSON.stringify(record)) as EvidenceRecord;
      },
      printed: async function* (trial) {
        check(trial, 'output');
        for (const bytes of printed.get(trial.id) ?? []) yield { bytes };
      },
      kernelKinds: async (trial) => {
        check(trial, 'kernel');
        return { start: 1, open: 12, connect: 2 };
      },
    };
  }

  #record(place: Place, body: Readonly<Record<string, unknown>>): number {
    const id = placeId(place);
    const records = this.#transcripts.get(id) ?? [];
    this.#transcripts.set(id, records);
    records.push({ n: records.length + 1, at: START_MS + this.events.length * STEP_MS + records.length, ...body });
    return records.length;
  }

  #add<T extends EventType>(type: T, data: EventData<T>): this {
    const nth = this.events.length;
    const event = envelop({ type, data } as NewEvent, {
      id: uuidv7(START_MS + nth, new Uint8Array(16).fill(nth % 256)),
      nowMs: START_MS + nth * STEP_MS,
      subject: 'crucible.events.test',
      origin: { source: 'test', team: 'default', actor: 'user:test', correlationId: evaluationId },
    });
    this.events.push({ position: 10 + nth * 3, event });
    return this;
  }
}

async function* each<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

const callsOf = (events: readonly Positioned[], trialId: string): CallView[] =>
  events.flatMap(({ event, position }): CallView[] => {
    const told = { position, at: event.time };
    if (event.type === 'crucible.trial.model-called.v2')
      return event.data.trialId === trialId ? [{ kind: 'model', ...told, ...event.data }] : [];
    if (event.type !== 'crucible.trial.tool-called.v1' || event.data.trialId !== trialId) return [];
    return [{ kind: 'tool', ...told, ...event.data }];
  });
