import { randomUUID } from 'node:crypto';
import { freemem } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { callListSchema } from '@crucible/api';
import type { SubmitRequest } from '@crucible/api';
import { ApiClient } from '../client/api-client.ts';
import { cancel, listTrials, submit } from '../client/evaluations.ts';
import { startPlatform } from '../platform/testing-platform.ts';
import type { TestPlatform } from '../platform/testing-platform.ts';
import { converseBarely } from './agent-floor.ts';
import { residentMib, shareMib } from './agent-memory.ts';
import { ANSWER, StandIn, taskOf } from './agent-stand-in.ts';
import type { Purpose } from './agent-stand-in.ts';
import { percentile } from './report.ts';
import type { BenchReport, BenchRow } from './report.ts';
import { followToEnd } from './runs.ts';
import { processesOf } from './stop.ts';

const MODEL = 'bench/stand-in';
const REPLY_MS = 50;
const TURNS_ALONE = 20;
const TURNS_TOGETHER = 6;
/** gVisor itself and the room around each sandbox. */
const MIB_EACH = 160;
/** A sandbox that does nothing still takes some hundredths of a core with the runsc of Debian 12: more of them measure that alone. */
const IDLE_TRIALS_MAX = 20;
const WAIT_MS_MAX = 300_000;
const POLL_MS = 1_000;
/** For what a start leaves behind in memory to be given back. */
const SETTLE_MS = 5_000;

const requestOf = (purpose: Purpose, turns: number, trials: number): SubmitRequest => {
  const limits = { turns };
  const goOn = Array.from({ length: turns - 1 }, () => 'go on');
  return {
    suite: {
      apiVersion: 'crucible/v1',
      kind: 'Suite',
      metadata: { name: 'bench-agent', version: '1.0.0', title: 'Benchmark of agents' },
      sandbox: { memory: '64MiB' },
      dataset: {
        samples: Array.from({ length: trials }, (_, index) => ({
          id: `sample-${index}`,
          input: taskOf(purpose, turns, `sample-${index}`),
          target: ANSWER,
        })),
      },
      solver:
        purpose === 'talk'
          ? { kind: 'chat', turns: goOn, limits }
          : { kind: 'agent', tools: ['bash', 'submit'], limits },
      scorers: [{ kind: 'exact' }],
      limits: { concurrency: trials },
    },
    subject: { kind: 'model', model: MODEL },
  };
};

interface Bench {
  readonly standIn: StandIn;
  readonly platform: TestPlatform;
  readonly client: ApiClient;
  readonly note: (line: string) => void;
}

/** Times of one kind of conversation, by the model's clock; `guest` is what its tools took in the sandbox. */
interface Measured {
  readonly gaps: number[];
  readonly floor: number[];
  readonly guest: number[];
  /** Of each gap, what is neither the model's nor the guest's. */
  readonly beyond: number[];
  wallMs: number;
  spanMs: number;
  floorMs: number;
}

const newMeasured = (): Measured => ({ gaps: [], floor: [], guest: [], beyond: [], wallMs: 0, spanMs: 0, floorMs: 0 });

const guestTimes = async (client: ApiClient, id: string, trialId: string): Promise<ReadonlyMap<number, number>> => {
  const answer = await client.get(
    `/api/v1/evaluations/${id}/trials/${trialId}/calls?kind=tool&limit=1000`,
    callListSchema,
  );
  return new Map(answer.items.flatMap((call) => (call.kind === 'tool' ? [[call.turn, call.durationMs] as const] : [])));
};

/** One evaluation of conversations, then the same ones by a bare client. */
const round = async (
  { standIn, client }: Bench,
  purpose: Purpose,
  { turns, trials }: { readonly turns: number; readonly trials: number },
  into: Measured,
): Promise<void> => {
  standIn.forget();
  const { id, wallMs } = await followToEnd(client, requestOf(purpose, turns, trials), trials);
  const gaps = standIn.gaps();
  into.wallMs += wallMs;
  into.spanMs += standIn.spanMs;
  for (let index = 0; index < trials; index += 1) {
    const own = gaps.get(taskOf(purpose, turns, `sample-${index}`)) ?? [];
    if (own.length !== turns - 1) throw new Error(`the model was asked ${own.length + 1} times, not ${turns}`);
    const guest = purpose === 'talk' ? new Map<number, number>() : await guestTimes(client, id, `${index}-1-1`);
    own.forEach((gap, at) => {
      const guestMs = guest.get(at + 1) ?? 0;
      into.gaps.push(gap);
      into.beyond.push(gap - guestMs);
      if (purpose === 'act') into.guest.push(guestMs);
    });
  }
  standIn.forget();
  const begin = performance.now();
  await converseBarely(standIn.url, purpose, { turns, conversations: trials });
  into.floorMs += performance.now() - begin;
  into.floor.push(...[...standIn.gaps().values()].flat());
};

const row = (what: string, trials: number, values: readonly number[], floor: readonly number[] | null): BenchRow => ({
  what,
  trials,
  count: values.length,
  p50: percentile(values, 0.5),
  p95: percentile(values, 0.95),
  floorP50: floor === null ? '-' : percentile(floor, 0.5).toFixed(2),
  ofFloor: floor === null ? '-' : (percentile(values, 0.5) / percentile(floor, 0.5)).toFixed(1),
});

/** How much more a turn with a tool call takes than one without, the guest's own time left out. */
const callRow = (what: string, trials: number, act: Measured, talk: Measured): BenchRow => {
  const turnMs = percentile(talk.gaps, 0.5);
  return row(
    what,
    trials,
    act.beyond.map((ms) => ms - turnMs),
    null,
  );
};

const rowsOf = (trials: number, talk: Measured, act: Measured): BenchRow[] => [
  row('ms a turn, beyond the model', trials, talk.gaps, talk.floor),
  callRow('ms a tool call, beyond the turn and the guest', trials, act, talk),
  row('ms a turn with a tool call, beyond the model and the guest', trials, act.beyond, act.floor),
  row('ms of a tool call that are the guest’s own', trials, act.guest, null),
];

const single = (what: string, trials: number, value: number, floor: number | null): BenchRow => ({
  what,
  trials,
  count: 1,
  p50: value,
  p95: value,
  floorP50: floor === null ? '-' : floor.toFixed(2),
  ofFloor: floor === null ? '-' : (value / floor).toFixed(1),
});

const alone = async (bench: Bench, rounds: number): Promise<BenchRow[]> => {
  const [talk, act] = [newMeasured(), newMeasured()];
  const size = { turns: TURNS_ALONE, trials: 1 };
  for (let number = 0; number <= rounds; number += 1) {
    const [talking, acting] = number === 0 ? [newMeasured(), newMeasured()] : [talk, act];
    await round(bench, 'talk', size, talking);
    await round(bench, 'act', size, acting);
    const said = `${percentile(talking.gaps, 0.5).toFixed(1)} ms a turn, ${percentile(acting.beyond, 0.5).toFixed(1)} ms with a tool call`;
    bench.note(`one trial, ${number === 0 ? 'warm-up' : `round ${number}`}: ${said}`);
  }
  return rowsOf(1, talk, act);
};

const together = async (bench: Bench, trials: number): Promise<BenchRow[]> => {
  const [talk, act] = [newMeasured(), newMeasured()];
  const size = { turns: TURNS_TOGETHER, trials };
  await round(bench, 'talk', size, talk);
  await round(bench, 'act', size, act);
  const calls = trials * TURNS_TOGETHER;
  bench.note(`${trials} trials at once: ${Math.round(act.wallMs)} ms, by a bare client ${Math.round(act.floorMs)} ms`);
  return [
    ...rowsOf(trials, talk, act),
    single('s for all of them, from submitting', trials, act.wallMs / 1_000, act.floorMs / 1_000),
    single('s from the first call of a model to the last', trials, act.spanMs / 1_000, act.floorMs / 1_000),
    single(
      'calls of models a second, in that time',
      trials,
      calls / (act.spanMs / 1_000),
      calls / (act.floorMs / 1_000),
    ),
  ];
};

/** Trials that wait for their model, or for their turn with it, and for nothing else. */
const idle = async ({ standIn, platform, client, note }: Bench, trials: number): Promise<BenchRow[]> => {
  const pid = platform.pidOf('sandbox-executor');
  if (pid === undefined) throw new Error('the executor does not run');
  const beforeMib = residentMib(pid);
  standIn.forget();
  const { id } = await submit(client, requestOf('wait', 1, trials), randomUUID(), (ms) => pause(ms));
  const running = async (): Promise<number> =>
    (await listTrials(client, id)).filter(({ status, sandboxId }) => status === 'running' && sandboxId !== null).length;
  for (let waitedMs = 0, begun = 0; begun < trials; waitedMs += POLL_MS) {
    if (waitedMs > WAIT_MS_MAX) throw new Error(`${begun} of ${trials} trials run`);
    await pause(POLL_MS);
    begun = await running();
  }
  await pause(SETTLE_MS);
  const executorMib = (residentMib(pid) - beforeMib) / trials;
  const sandboxes = (await listTrials(client, id)).flatMap(({ sandboxId }) => sandboxId ?? []);
  const sandboxMib = sandboxes.map((sandbox) => shareMib(processesOf(sandbox)));
  note(`${trials} trials wait: ${executorMib.toFixed(2)} MiB each in the executor`);
  await cancel(client, id, 'measured');
  return [
    single('MiB of the executor for a trial that waits for its model', trials, executorMib, null),
    row('MiB of its sandbox', trials, sandboxMib, null),
  ];
};

/** Agents of a platform of its own, in real sandboxes, before a model that replies after a fixed time. */
export const benchAgent = async (
  { trials, rounds }: { readonly trials: number; readonly rounds: number },
  note: (line: string) => void,
): Promise<BenchReport> => {
  const neededMib = trials * MIB_EACH;
  if (freemem() / 1024 ** 2 < neededMib)
    throw new Error(`${trials} sandboxes need ${neededMib} MiB of free memory: ask for fewer with --trials`);
  const standIn = await StandIn.start(REPLY_MS);
  let platform: TestPlatform | undefined;
  try {
    const given = { CRUCIBLE_EXECUTOR_CAPACITY: String(trials), CRUCIBLE_CONCURRENCY_MAX: String(trials) };
    platform = await startPlatform({ given, models: standIn.models(MODEL) });
    const bench = { standIn, platform, client: new ApiClient(platform), note };
    const waiting = Math.min(trials, IDLE_TRIALS_MAX);
    const rows = [...(await alone(bench, rounds)), ...(await together(bench, trials)), ...(await idle(bench, waiting))];
    return {
      bench: 'agent',
      about: `Agents before a model that replies after ${REPLY_MS} ms, by the model’s clock: from the last byte of a reply to the next request. Floor: the same conversations by a bare client in the same rounds, whose tool is a process of this machine (ofFloor: p50 against p50). Aim of a turn and of a tool call: p50 under 15 ms, by one trial alone.`,
      rows,
    };
  } finally {
    await platform?.stop();
    await standIn.stop();
  }
};
