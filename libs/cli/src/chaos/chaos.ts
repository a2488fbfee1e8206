import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chanceFrom } from '@crucible/domain/testing';
import { JetStreamEventLog, openBus, readStretch } from '@crucible/event-log';
import type { StoredEvent } from '@crucible/event-log';
import { compareReadModel } from '@crucible/read-model';
import { ownPublicKey } from '../audit/public-key.ts';
import { lineOf, verifyLive } from '../audit/verify.ts';
import { ApiClient } from '../client/api-client.ts';
import { listEvaluations } from '../client/evaluations.ts';
import { waitFor } from '../platform/command.ts';
import { locateHome } from '../platform/home.ts';
import type { PlatformInfo } from '../platform/platform.ts';
import { stopProcess } from '../platform/process.ts';
import { startPlatform } from '../platform/testing-platform.ts';
import { withLog } from '../projections/log-source.ts';
import { Injector } from './injector.ts';
import { Load } from './load.ts';
import { victims, type Fault } from './plan.ts';
import { judged, judgeLog, type Finding } from './verdict.ts';

export interface ChaosOptions {
  readonly seed: number;
  /** Trials to submit at least. */
  readonly trials: number;
  /** Faults to strike at least. */
  readonly faults: number;
  /** Mean milliseconds between two faults. */
  readonly everyMs: number;
  /** Leaves the platform running, to look at. */
  readonly keep: boolean;
  /** Ends it before its time, with the platform put away. */
  readonly signal: AbortSignal;
}

export interface ChaosReport {
  readonly ok: boolean;
  readonly seed: number;
  readonly faults: { readonly kills: number; readonly pauses: number; readonly of: Readonly<Record<string, number>> };
  readonly trials: number;
  readonly evaluations: number;
  readonly cancels: number;
  readonly events: number;
  readonly durationMs: number;
  readonly findings: readonly Finding[];
  readonly home: string | null;
}

const CATCH_UP_MS_MAX = 120_000;
const CONCURRENCY_MAX = 6;
const BATCH_MAX = 2_000;

/** The whole log, past every service. */
const readLog = async (info: PlatformInfo): Promise<StoredEvent[]> => {
  const bus = await openBus({ url: info.natsUrl, user: info.natsUser, password: info.natsPassword, name: 'chaos' });
  try {
    const to = await new JetStreamEventLog(bus).head();
    const events: StoredEvent[] = [];
    const { signal } = new AbortController();
    for await (const batch of readStretch(bus, { from: 1, to, batchMax: BATCH_MAX }, signal)) events.push(...batch);
    return events;
  } finally {
    await bus.nc.close();
  }
};

const tally = (faults: readonly Fault[]): ChaosReport['faults'] => ({
  kills: faults.filter(({ kind }) => kind === 'kill').length,
  pauses: faults.filter(({ kind }) => kind === 'pause').length,
  of: Object.fromEntries(victims.map((name) => [name, faults.filter(({ victim }) => victim === name).length])),
});

/** Waits until the platform answers again and its read model has everything that is in the log. */
const settle = async (client: ApiClient, info: PlatformInfo): Promise<StoredEvent[]> => {
  const log = await waitFor(() => readLog(info).catch(() => undefined), CATCH_UP_MS_MAX, 500);
  if (log === undefined) throw new Error('the bus did not come back');
  const reached = async (): Promise<true | undefined> => {
    const list = await listEvaluations(client, { limit: 1 }).catch(() => undefined);
    return list !== undefined && list.position >= log.length ? true : undefined;
  };
  if (!(await waitFor(reached, CATCH_UP_MS_MAX, 500))) throw new Error('the read model did not catch up');
  return log;
};

/** The work's outcome, unless it is not waited for any longer. @throws the signal's reason */
const unless = <T>(signal: AbortSignal, work: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject);
  });

/** What an auditor finds: the log against its checkpoints, and each row that people are shown against a replay. */
const judgePlatform = async (client: ApiClient, info: PlatformInfo): Promise<Finding[]> => {
  const verifier = ownPublicKey(info.home);
  if (verifier === undefined) throw new Error('the audit has no key');
  const verified = await verifyLive(client, info.home, { verifier, kept: [] });
  const compared = await withLog(info, 'chaos', (source) => compareReadModel(info.databaseUrl, source));
  const { table, live, replayed } = compared.firstDifference ?? {};
  return [
    judged('the log verifies, with its checkpoints and evidence', verified.ok ? [] : [lineOf(verified)]),
    judged(
      'the read model is, byte for byte, what a replay gives',
      compared.equal ? [] : [`${table}: ${live ?? 'no row'} is not ${replayed ?? 'no row'}`],
    ),
  ];
};

/**
 * Runs evaluations on a platform of its own while its parts are killed and paused, then asks whether every promise was
 * kept. The same seed gives the same faults and the same work; how they interleave is the machine's.
 */
export const runChaos = async (options: ChaosOptions, note: (line: string) => void): Promise<ChaosReport> => {
  const begin = performance.now();
  const { signal } = options;
  const platform = await startPlatform({
    // A throw-away home is cleared by whoever tests next.
    ...(options.keep ? { home: mkdtempSync(join(tmpdir(), 'crucible-chaos-')) } : {}),
    given: { CRUCIBLE_CONCURRENCY_MAX: String(CONCURRENCY_MAX) },
  });
  const home = locateHome(platform.home);
  try {
    // Its pauses before a repeated start are for parts that fail by themselves; here we are the keeper.
    await stopProcess(home, 'keeper');
    const client = new ApiClient(platform);
    const injector = new Injector(home);
    const load = new Load(client, chanceFrom(options.seed), signal);
    const loaded = () => signal.aborted || (load.trials >= options.trials && injector.done.length >= options.faults);
    note(`platform ${platform.url}, home ${home.root}`);
    let failure: unknown;
    const work = load.run(loaded).catch((error: unknown) => (failure = error));
    let over = false;
    void work.finally(() => (over = true));
    await injector.run(
      chanceFrom(options.seed ^ 0x5eed),
      options.everyMs,
      () => over || signal.aborted || injector.done.length >= options.faults,
      ({ number, victim, kind, downMs }) => note(`fault ${number}: ${kind} ${victim}, ${downMs} ms`),
    );
    await injector.mend(victims);
    await unless(signal, work);
    const log = await unless(signal, settle(client, platform));
    const every: Finding[] = [
      judged('every evaluation ended', failure instanceof Error ? [failure.message] : []),
      ...judgeLog(log, load.acknowledged, CONCURRENCY_MAX),
      ...(await judgePlatform(client, platform)),
    ];
    return {
      ok: every.every(({ broken }) => broken === null),
      seed: options.seed,
      faults: tally(injector.done),
      trials: load.trials,
      evaluations: load.acknowledged.filter(({ what }) => what === 'crucible.evaluation.submitted.v2').length,
      cancels: load.acknowledged.filter(({ what }) => what === 'crucible.evaluation.cancel-requested.v1').length,
      events: log.length,
      durationMs: Math.round(performance.now() - begin),
      findings: every,
      home: options.keep ? home.root : null,
    };
  } finally {
    if (!options.keep) await platform.stop();
  }
};
