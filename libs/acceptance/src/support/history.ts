import { createHash } from 'node:crypto';
import { evaluationOf as evaluationIdOf, isTrialEvent, reduceEvaluation, reducePage } from '@crucible/domain';
import type { EvaluationPage } from '@crucible/domain';
import type { StoredEvent } from '@crucible/event-log';
import type { CrucibleEvent } from '@crucible/events';
import { evaluationOf, listOf, outputOf, trialsOf } from './api.ts';
import { readLog } from './log.ts';
import { waitFor } from './wait.ts';

/** One event with its place in the log. */
export interface Entry {
  readonly position: number;
  readonly event: CrucibleEvent;
}

/** Positions that the projector put aside, as tests leave them that publish what is no event. */
const putAside = (log: readonly StoredEvent[]): ReadonlySet<number> =>
  new Set(
    log.flatMap((stored) =>
      stored.ok &&
      stored.event.type === 'crucible.dead-letter.recorded.v1' &&
      stored.event.data.consumer === 'gateway/projector'
        ? [stored.event.data.position]
        : [],
    ),
  );

/** The whole log, decoded. @throws Error when a position is missing or holds what is no event and nobody put aside */
export const history = async (): Promise<Entry[]> => {
  const log = await readLog();
  const aside = putAside(log);
  return log.flatMap((stored, index) => {
    if (stored.position !== index + 1) throw new Error(`position ${index + 1} is missing from the log`);
    if (stored.ok) return [{ position: stored.position, event: stored.event }];
    if (aside.has(stored.position)) return [];
    throw new Error(`position ${stored.position} is no event: ${stored.undecodable.detail}`);
  });
};

const ofOne = (entries: readonly Entry[], id: string): Entry[] =>
  entries.filter(({ event }) => evaluationIdOf(event) === id);

const countOf = (events: readonly CrucibleEvent[], ...types: readonly string[]): number =>
  events.filter(({ type }) => types.some((each) => type.startsWith(`crucible.trial.${each}.v`))).length;

/** What is wrong with the life of a trial, as its events tell it; nothing when it is sound and over. */
const faultsOfTrial = (events: readonly CrucibleEvent[]): string[] => {
  const [dispatched, started, ended] = [
    countOf(events, 'dispatched'),
    countOf(events, 'started'),
    countOf(events, 'finished', 'withdrawn'),
  ];
  return [
    ...(dispatched === 1 ? [] : [`dispatched ${dispatched} times`]),
    ...(started <= 1 ? [] : [`started ${started} times`]),
    ...(ended === 1 ? [] : [`ended ${ended} times`]),
    ...(countOf(events, 'finished') > 0 && started === 0 ? ['finished without a start'] : []),
  ];
};

/** What the log says against an evaluation that has ended. */
export const faultsOf = (entries: readonly Entry[], id: string): string[] => {
  const own = ofOne(entries, id);
  const trials = Map.groupBy(own, ({ event }) => ('trialId' in event.data ? event.data.trialId : ''));
  const count = (type: string): number => own.filter(({ event }) => event.type === type).length;
  const once = ['submitted.v2', 'admitted.v1', 'completed.v1'].map((name) => `crucible.evaluation.${name}`);
  return [
    ...once.flatMap((type) => (count(type) === 1 ? [] : [`${id}: ${count(type)} times ${type}`])),
    ...[...trials].flatMap(([trialId, of]) =>
      trialId === '' ? [] : faultsOfTrial(of.map(({ event }) => event)).map((fault) => `${id} ${trialId}: ${fault}`),
    ),
  ];
};

/** Where an evaluation stands by the log: its last event, and that of every trial that is not over. For messages. */
export const standingOf = async (id: string): Promise<string> => {
  const own = ofOne(await history(), id);
  const last = new Map(
    own.map(({ event, position }) => [
      'trialId' in event.data ? event.data.trialId : 'evaluation',
      `${event.type} at ${position}, ${event.time}`,
    ]),
  );
  const open = [...last].filter(([, text]) => !/trial\.(finished|withdrawn)/.test(text));
  return open.map(([what, text]) => `${what}: ${text}`).join('\n');
};

/** An evaluation's page folded from the log alone. */
export const foldOf = (entries: readonly Entry[], id: string): EvaluationPage => {
  const [first, ...rest] = ofOne(entries, id);
  const evaluation = first && reduceEvaluation(undefined, first);
  if (first === undefined || evaluation === undefined) throw new Error(`the log has no evaluation ${id}`);
  return rest.reduce(reducePage, { evaluation, trials: new Map(), position: first.position });
};

/** Waits until the read model has come as far as the log had. */
const caughtUp = async (position: number): Promise<void> => {
  await waitFor('the read model to reach the log', async () => (await listOf('?limit=1')).position >= position);
};

/** Where the API and a fold of the log differ, by id; nothing when the read model is right. */
export const differences = async (entries: readonly Entry[], ids: readonly string[]): Promise<unknown[]> => {
  await caughtUp(entries.at(-1)?.position ?? 0);
  const found: unknown[] = [];
  for (const id of ids) {
    const page = foldOf(entries, id);
    const view = await evaluationOf(id);
    const trials = new Map((await trialsOf(id, 7)).map((trial) => [trial.id, trial]));
    if (JSON.stringify(sorted(view)) !== JSON.stringify(sorted(page.evaluation)))
      found.push({ log: page.evaluation, api: view });
    for (const trialId of new Set([...page.trials.keys(), ...trials.keys()])) {
      const [log, api] = [page.trials.get(trialId), trials.get(trialId)];
      if (JSON.stringify(sorted(log)) !== JSON.stringify(sorted(api))) found.push({ log, api });
    }
  }
  return found;
};

/** The same value with its keys in one order. */
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, of]) => [key, sorted(of)]),
  );
};

/** Trials of an evaluation whose stored output is not what its event sealed. */
export const brokenSeals = async (id: string): Promise<string[]> => {
  const broken: string[] = [];
  for (const trial of await trialsOf(id)) {
    const seal = trial.evidence.find(({ channel }) => channel === 'output');
    if (seal === undefined) continue;
    const { bytes } = await outputOf(id, trial.id);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    if (sha256 !== seal.sha256 || bytes.length !== seal.bytes)
      broken.push(`${trial.id}: ${bytes.length} of ${seal.bytes} bytes`);
  }
  return broken;
};

/** The most trials that ran at once: of each evaluation and of all together, from start to end by the log. */
export const crowding = (entries: readonly Entry[]): { all: number; of: ReadonlyMap<string, number> } => {
  const running = new Map<string, Set<string>>();
  const of = new Map<string, number>();
  let all = 0;
  for (const { event } of entries) {
    if (!isTrialEvent(event)) continue;
    const { evaluationId, trialId } = event.data;
    const trials = running.get(evaluationId) ?? new Set();
    running.set(evaluationId, trials);
    if (event.type === 'crucible.trial.started.v2') trials.add(trialId);
    else if (event.type !== 'crucible.trial.dispatched.v1') trials.delete(trialId);
    of.set(evaluationId, Math.max(of.get(evaluationId) ?? 0, trials.size));
    all = Math.max(
      all,
      [...running.values()].reduce((sum, each) => sum + each.size, 0),
    );
  }
  return { all, of };
};
