import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { JetStreamEventLog, openBus, systemEdge } from '@crucible/event-log';
import type { EventLog } from '@crucible/event-log';
import { evaluationIdSchema, noBudget, subjects, trialIdSchema } from '@crucible/events';
import type { EvaluationId, NewEvent } from '@crucible/events';
import { readSettings } from '../config.ts';
import { ApiClient } from '../client/api-client.ts';
import { getEvaluation } from '../client/evaluations.ts';
import { locateHome } from '../platform/home.ts';
import { stopProcess } from '../platform/process.ts';
import { nodeArgv } from '../platform/services.ts';
import { startPlatform } from '../platform/testing-platform.ts';
import type { FromViewers, ToViewers } from './fanout-viewers.ts';
import { percentile } from './report.ts';
import type { BenchReport, BenchRow } from './report.ts';

export interface FanoutOptions {
  readonly viewers: number;
  /** Events a second, in turn, until the slowest hundredth of deliveries passes the limit. */
  readonly rates: readonly number[];
  readonly secondsEach: number;
}

const P99_MS_MAX = 250;
const SETTLE_MS = 3_000;
const digest = '0'.repeat(64);

const openViewers = (): { child: ChildProcess; ask: (message: ToViewers) => Promise<FromViewers> } => {
  const { repository } = readSettings();
  const [, ...args] = nodeArgv(repository, join('libs', 'cli', 'src', 'bench', 'fanout-viewers.ts'));
  const script = args.pop() ?? '';
  const child = fork(script, [], { execArgv: args, serialization: 'advanced' });
  const ask = (message: ToViewers): Promise<FromViewers> =>
    new Promise((resolve, reject) => {
      const gone = (): void => reject(new Error('the viewers went away'));
      child.once('exit', gone);
      child.once('message', (answer) => {
        child.off('exit', gone);
        resolve(answer as FromViewers);
      });
      child.send(message);
    });
  return { child, ask };
};

/** Appends to one evaluation's history as its writers would, with a trial of its own for each event. */
class Author {
  readonly id: EvaluationId = evaluationIdSchema.parse(systemEdge.newId());
  readonly #log: EventLog;
  #next = 0;

  constructor(log: EventLog) {
    this.#log = log;
  }

  begin(): Promise<number> {
    const data = {
      evaluationId: this.id,
      suite: { name: 'fanout', version: '1.0.0', title: 'Fan-out', digest, bytes: 1, capability: null },
      subject: { kind: 'program' as const },
      budget: noBudget,
      epochReducer: 'mean',
      samples: 1_000_000,
      epochs: 1,
      concurrencyMax: 8,
      attemptsMax: 1,
      requestDigest: digest,
    };
    return this.#append(subjects.evaluation(this.id), { type: 'crucible.evaluation.submitted.v2', data });
  }

  dispatch(): Promise<number> {
    const sampleIndex = this.#next++;
    const trialId = trialIdSchema.parse(`${sampleIndex}-1-1`);
    const data = {
      evaluationId: this.id,
      trialId,
      sampleId: `sample-${sampleIndex}`,
      sampleIndex,
      epoch: 1,
      attempt: 1,
      suiteDigest: digest,
      pool: 'default',
    };
    return this.#append(subjects.trial(this.id, trialId), { type: 'crucible.trial.dispatched.v1', data });
  }

  async #append(subject: string, event: NewEvent): Promise<number> {
    const origin = { source: 'bench', team: 'default', actor: 'user:bench', correlationId: randomUUID() };
    const result = await this.#log.append({ subject, event, origin });
    if (!result.ok) throw new Error(`append: ${result.failure}`);
    return result.position;
  }
}

/** Appends at a steady rate and gives when each event was handed over. */
const appendFor = async (author: Author, perSecond: number, seconds: number): Promise<[number, number][]> => {
  const appended: Promise<[number, number]>[] = [];
  const begin = performance.now();
  for (let index = 0; index < perSecond * seconds; index += 1) {
    const due = begin + (index * 1_000) / perSecond;
    await pause(Math.max(0, due - performance.now()));
    const atMs = performance.timeOrigin + performance.now();
    appended.push(author.dispatch().then((position) => [position, atMs]));
  }
  return Promise.all(appended);
};

const residentMiB = (pid: number | undefined): number => {
  const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kib) / 1_024);
};

/**
 * Viewers of one busy evaluation, by plain SSE connections through the whole way: log, projection, gateway, socket. The
 * events are appended by the benchmark itself: no trial runs, so that the two cores are the stream's.
 */
export const benchFanout = async (options: FanoutOptions, note: (line: string) => void): Promise<BenchReport> => {
  const platform = await startPlatform();
  const home = locateHome(platform.home);
  const { child, ask } = openViewers();
  const bus = await openBus({
    url: platform.natsUrl,
    user: platform.natsUser,
    password: platform.natsPassword,
    name: 'bench',
  });
  const rows: BenchRow[] = [];
  try {
    // Nobody may take the made-up evaluation for work, or bring its takers back.
    for (const name of ['keeper', 'scheduler', 'sandbox-executor', 'notifier']) await stopProcess(home, name);
    const author = new Author(new JetStreamEventLog(bus));
    await getEvaluation(new ApiClient(platform), author.id, await author.begin()).catch(() => undefined);
    const { port } = new URL(platform.url);
    const path = `/api/v1/evaluations/${author.id}/stream`;
    await ask({ do: 'open', port: Number(port), path, token: platform.token, viewers: options.viewers });
    note(`${options.viewers} viewers are open, gateway at ${residentMiB(platform.pidOf('gateway'))} MiB`);
    for (const rate of options.rates) {
      const appended = await appendFor(author, rate, options.secondsEach);
      await pause(SETTLE_MS);
      const seen = await ask({ do: 'measure', appended });
      if (seen.did !== 'measure') throw new Error('the viewers did not measure');
      const p99Ms = percentile(seen.latenciesMs, 0.99);
      rows.push({
        eventsPerSecond: rate,
        deliveriesPerSecond: rate * options.viewers,
        p50Ms: percentile(seen.latenciesMs, 0.5),
        p99Ms,
        missing: seen.missing,
        outOfOrder: seen.outOfOrder,
        gatewayMiB: residentMiB(platform.pidOf('gateway')),
      });
      note(`${rate} events/s to ${options.viewers}: p99 ${Math.round(p99Ms)} ms`);
      if (p99Ms > P99_MS_MAX) break;
    }
  } finally {
    child.disconnect();
    await bus.nc.close();
    await platform.stop();
  }
  return {
    bench: 'fanout',
    about: `From append to each of ${options.viewers} SSE viewers of one evaluation, at rising rates until p99 passes ${P99_MS_MAX} ms (or the last rate).`,
    rows,
  };
};
