import { ensureStreams, JetStreamEventLog, openBus, systemEdge } from '@crucible/event-log';
import type { AppendRequest, Bus } from '@crucible/event-log';
import { envelop, evaluationIdSchema, subjects, trialIdSchema } from '@crucible/events';
import type { NewEvent, Origin } from '@crucible/events';
import { startNats } from '../platform/testing.ts';
import { median } from './report.ts';
import type { BenchReport, BenchRow } from './report.ts';

const LANES = 64;
const WARM_UP_EVENTS = 2_000;
const digest = 'ab'.repeat(32);
const encoder = new TextEncoder();

export interface AppendBenchOptions {
  /** Events a round and way. */
  readonly events: number;
  readonly rounds: number;
}

/** What one writer does: appends to a subject of its own, resting each append on the one before. */
interface Lane {
  readonly subject: string;
  readonly requests: readonly AppendRequest[];
  /** The same events as bytes, made beforehand. */
  readonly bodies: readonly Uint8Array[];
}

/** A submission as people make them, and the end of a trial: the smallest and about the largest of the usual events. */
const eventsOf = (index: number, evaluationId: string, trialId: string): NewEvent => {
  const place = { evaluationId: evaluationIdSchema.parse(evaluationId), trialId: trialIdSchema.parse(trialId) };
  if (index % 2 === 0)
    return {
      type: 'crucible.trial.dispatched.v1',
      data: {
        ...place,
        sampleId: `sample-${index}`,
        sampleIndex: 0,
        epoch: 1,
        attempt: 1,
        suiteDigest: digest,
        pool: 'default',
      },
    };
  return {
    type: 'crucible.trial.finished.v2',
    data: {
      ...place,
      outcome: 'failed',
      reason: 'exit',
      exitCode: 1,
      signal: null,
      verdict: 'contained',
      findings: [],
      limitsHit: [],
      scores: [{ scorer: 'exit-code', value: 0, explanation: 'the program ended with 1' }],
      durationMs: 412,
      memoryBytesPeak: 31_457_280,
      evidence: [
        { channel: 'output', chunks: 3, bytes: 812, dropped: 0, sha256: digest },
        { channel: 'kernel', chunks: 1, bytes: 4_096, dropped: 0, sha256: digest },
      ],
      error: null,
      usage: null,
      answer: null,
    },
  };
};

const laneOf = (events: number): Lane => {
  const evaluationId = systemEdge.newId();
  const trialId = '0-1-1';
  const subject = subjects.trial(evaluationIdSchema.parse(evaluationId), trialIdSchema.parse(trialId));
  const origin: Origin = {
    source: 'sandbox-executor',
    team: 'default',
    actor: 'service:sandbox-executor',
    correlationId: evaluationId,
    causationId: systemEdge.newId(),
    traceparent: `00-${'4b'.repeat(16)}-${'00f067aa0ba902b7'}-01`,
  };
  const requests = Array.from({ length: events }, (_, index) => ({
    subject,
    event: eventsOf(index, evaluationId, trialId),
    origin,
  }));
  const stamp = { nowMs: systemEdge.now(), subject, origin };
  const bodies = requests.map(({ event }) =>
    encoder.encode(JSON.stringify(envelop(event, { ...stamp, id: systemEdge.newId() }))),
  );
  return { subject, requests, bodies };
};

const appendAll = async (log: JetStreamEventLog, { requests }: Lane): Promise<void> => {
  let expectedSequence = 0;
  for (const request of requests) {
    const result = await log.append({ ...request, expectedSequence });
    if (!result.ok) throw new Error(`an append was refused: ${result.failure}`);
    expectedSequence = result.position;
  }
};

const publishAll = async ({ js }: Bus, { subject, bodies }: Lane): Promise<void> => {
  for (const body of bodies) await js.publish(subject, body);
};

type Way = 'append' | 'raw';

/** Events a second of one round: lanes are made before the clock starts and run side by side. */
const roundOf = async (bus: Bus, way: Way, lanes: number, events: number): Promise<number> => {
  const log = new JetStreamEventLog(bus);
  const each = Math.ceil(events / lanes);
  const made = Array.from({ length: lanes }, () => laneOf(each));
  const begin = performance.now();
  await Promise.all(made.map((lane) => (way === 'append' ? appendAll(log, lane) : publishAll(bus, lane))));
  return (each * lanes) / ((performance.now() - begin) / 1_000);
};

const measure = async (
  bus: Bus,
  mode: string,
  lanes: number,
  { events, rounds }: AppendBenchOptions,
  note: (line: string) => void,
): Promise<BenchRow> => {
  const rates: Record<Way, number[]> = { append: [], raw: [] };
  for (let round = 0; round < rounds; round += 1) {
    // In turns, so that neither way always has the warmer machine or the smaller stream.
    for (const way of round % 2 === 0 ? (['append', 'raw'] as const) : (['raw', 'append'] as const))
      rates[way].push(await roundOf(bus, way, lanes, events));
    note(
      `${mode}, round ${round + 1}: ${Math.round(rates.append.at(-1) ?? 0)}/s of ${Math.round(rates.raw.at(-1) ?? 0)}/s`,
    );
  }
  const ratios = rates.append.map((rate, round) => rate / (rates.raw[round] ?? Number.NaN));
  return {
    mode,
    events,
    appendsPerS: Math.round(median(rates.append)),
    rawPerS: Math.round(median(rates.raw)),
    ratio: median(ratios),
    ratioMin: Math.min(...ratios),
    ratioMax: Math.max(...ratios),
  };
};

/**
 * Appends through the event log's port, each resting on the one before it on its subject, against plain publishes of bytes
 * made beforehand, by the same client into the same stream of a server of its own.
 */
export const benchAppend = async (options: AppendBenchOptions, note: (line: string) => void): Promise<BenchReport> => {
  const server = await startNats();
  try {
    const bus = await openBus({ url: server.url, user: server.user, password: server.password, name: 'bench-append' });
    try {
      await ensureStreams(bus);
      for (const way of ['append', 'raw'] as const) await roundOf(bus, way, LANES, WARM_UP_EVENTS);
      const rows = [
        await measure(bus, 'awaiting each', 1, options, note),
        await measure(bus, `${LANES} in flight`, LANES, options, note),
      ];
      const bodies = laneOf(2).bodies.map(({ byteLength }) => byteLength);
      const about = `Appends through the event log (typed, checked, with id and expected sequence) against plain JetStream publishes of the same bytes (${bodies.join(' and ')} a piece) by the same client.`;
      return { bench: 'append', about, rows };
    } finally {
      await bus.nc.close();
    }
  } finally {
    await server.stop();
  }
};
