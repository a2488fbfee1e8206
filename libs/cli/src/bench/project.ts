import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureRawCopy, openDatabase, Projector, rebuildReadModel } from '@crucible/read-model';
import { createTestDatabase } from '@crucible/read-model/testing';
import { JetStreamRestore, openBus } from '@crucible/event-log';
import { startNats, startPostgres } from '../platform/testing.ts';
import { sourceFrom } from '../projections/log-source.ts';
import { fileSource, readLog, writeLog } from './project-log.ts';
import { median } from './report.ts';
import type { BenchReport, BenchRow } from './report.ts';

/** As many as the gateway's projection takes at once. */
const LIVE_BATCH_MAX = 500;
const REBUILD_BATCH_MAX = 2_000;
/** A long log is measured once, a short one as often as makes its median worth something. */
const LONG_EVENTS = 500_000;
const ROUNDS = 3;
const WARM_UP_EVENTS = 5_000;
/** Filling a server with a longer log takes minutes. */
const FROM_BUS_EVENTS_MAX = 200_000;
const MEGABYTE = 1024 ** 2;

/** Resident memory at its highest while something runs, in MiB. */
const withPeak = async <T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly peakMiB: number }> => {
  let peak = process.memoryUsage.rss();
  const watching = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 50);
  try {
    return { result: await work(), peakMiB: Math.round(Math.max(peak, process.memoryUsage.rss()) / MEGABYTE) };
  } finally {
    clearInterval(watching);
  }
};

/** The same rebuild as `projections rebuild` makes it: from a log in a NATS server. */
const rebuildFromBus = async (url: string, path: string, events: number): Promise<number> => {
  const server = await startNats();
  const bus = await openBus({ url: server.url, user: server.user, password: server.password, name: 'bench' });
  try {
    const restore = await JetStreamRestore.begin(bus);
    for await (const batch of readLog(path, events, REBUILD_BATCH_MAX))
      for (const message of batch) await restore.event(message);
    await restore.end();
    const { replayMs, indexMs, exchangeMs } = await rebuildReadModel(url, sourceFrom(bus));
    return replayMs + indexMs + exchangeMs;
  } finally {
    await bus.nc.close();
    await server.stop();
  }
};

const projectLive = async (url: string, path: string, events: number): Promise<number> => {
  const db = await openDatabase(url);
  try {
    const projector = new Projector(db);
    await projector.reset();
    const begin = performance.now();
    for await (const batch of readLog(path, events, LIVE_BATCH_MAX))
      await projector.apply(batch, batch.at(-1)?.position ?? 0);
    return performance.now() - begin;
  } finally {
    await db.destroy();
  }
};

const perSecond = (events: number, ms: number): number => Math.round((events / ms) * 1_000);

type Round = Readonly<Record<string, number>>;

const measure = async (url: string, path: string, events: number): Promise<Round> => {
  const liveMs = await projectLive(url, path, events);
  const { result: rebuilt, peakMiB } = await withPeak(() =>
    rebuildReadModel(url, fileSource(path, events, REBUILD_BATCH_MAX)),
  );
  const raw = await measureRawCopy(url);
  const fromBusMs = events <= FROM_BUS_EVENTS_MAX ? await rebuildFromBus(url, path, events) : undefined;
  const rebuildMs = rebuilt.replayMs + rebuilt.indexMs + rebuilt.exchangeMs;
  return {
    events,
    'live/s': perSecond(events, liveMs),
    'rebuild/s': perSecond(events, rebuildMs),
    ...(fromBusMs === undefined ? {} : { 'rebuild from NATS/s': perSecond(events, fromBusMs) }),
    'raw COPY/s': perSecond(events, raw.ms),
    'rebuild to raw': raw.ms / rebuildMs,
    'rebuild s': rebuildMs / 1_000,
    'of it indexes s': rebuilt.indexMs / 1_000,
    'exchange ms': Math.round(rebuilt.exchangeMs),
    'rows MiB': Math.round(raw.bytes / MEGABYTE),
    'peak MiB': peakMiB,
  };
};

const measureIn = async (serverUrl: string, path: string, events: number): Promise<Round> => {
  const database = await createTestDatabase(serverUrl);
  try {
    return await measure(database.url, path, events);
  } finally {
    await database.drop();
  }
};

/**
 * The read model from stored bytes: live in the gateway's batches, and rebuilt, each against COPY of the rows it comes to.
 * @param sizes lengths of logs, in events
 */
export const benchProject = async (sizes: readonly number[], note: (line: string) => void): Promise<BenchReport> => {
  const folder = await mkdtemp(join(tmpdir(), 'crucible-bench-'));
  const path = join(folder, 'log.ndjson');
  const server = await startPostgres();
  try {
    note(`writing a log of ${Math.max(...sizes)} events`);
    await writeLog(path, Math.max(...sizes, WARM_UP_EVENTS));
    const rows: BenchRow[] = [];
    await measureIn(server.url, path, WARM_UP_EVENTS);
    for (const events of sizes) {
      note(`${events} events: live, rebuild, raw`);
      const rounds: Round[] = [];
      const wanted = events < LONG_EVENTS ? ROUNDS : 1;
      for (let round = 0; round < wanted; round += 1) rounds.push(await measureIn(server.url, path, events));
      const titles = Object.keys(rounds[0] ?? {});
      rows.push(Object.fromEntries(titles.map((title) => [title, median(rounds.map((each) => each[title] ?? 0))])));
    }
    const about = `Events a second from stored bytes to rows in Postgres (decoded, folded, written), evaluations of 1,000 trials; live in batches of ${LIVE_BATCH_MAX} with one transaction each; rebuild with its indexes and the exchange, from a file, and from a NATS server as "projections rebuild" does it; raw is COPY of the same final rows, with the same indexes. Medians of ${ROUNDS} rounds, and one of logs from ${LONG_EVENTS} events on.`;
    return { bench: 'project', about, rows };
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
};
