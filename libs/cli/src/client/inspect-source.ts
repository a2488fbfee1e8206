import { callListSchema, platformSchema, recordPageSchema } from '@crucible/api';
import type { CallList, CallView, EvidenceRecord } from '@crucible/api';
import type { Positioned, TrialView } from '@crucible/domain';
import { EvidenceGone } from '@crucible/inspect-log';
import type { EvidenceRecordCounts, LogSource, PrintedPiece } from '@crucible/inspect-log';
import { Refusal } from './api-client.ts';
import type { ApiClient } from './api-client.ts';
import { getSuite } from './evaluation-page.ts';
import { eachTrial, getEvaluation, outputOf } from './evaluations.ts';
import { historyOf } from './past.ts';
import { recordPages } from './records.ts';

const CALLS_ASKED = 1_000;
const GONE = 410;

const trialPath = (trial: TrialView): string => `/api/v1/evaluations/${trial.evaluationId}/trials/${trial.id}`;

/** What the platform says of evidence that it does not keep any more is a fact like others; any other refusal is not. */
const orGone = (error: unknown): unknown =>
  error instanceof Refusal && error.status === GONE ? new EvidenceGone(error.message) : error;

async function* unlessGone<T>(read: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* read;
  } catch (error) {
    throw orGone(error);
  }
}

async function* callsOf(client: ApiClient, trial: TrialView): AsyncGenerator<CallView> {
  for (let after: number | null = 0; after !== null;) {
    const asked = { after, limit: CALLS_ASKED };
    const page: CallList = await client.get(`${trialPath(trial)}/calls`, callListSchema, asked);
    yield* page.items;
    after = page.next;
  }
}

async function* transcriptOf(client: ApiClient, trial: TrialView): AsyncGenerator<EvidenceRecord> {
  for await (const { records } of recordPages(client, trial, 'transcript')) yield* records;
}

async function* printedBy(client: ApiClient, trial: TrialView): AsyncGenerator<PrintedPiece> {
  for await (const { base64 } of outputOf(client, trial.evaluationId, trial.id))
    yield { bytes: Buffer.from(base64, 'base64') };
}

async function* eventsOf(client: ApiClient, id: string): AsyncGenerator<Positioned> {
  for await (const { event, position } of historyOf(client, id)) if (event !== null) yield { event, position };
}

const kernelKindsOf = async (client: ApiClient, trial: TrialView): Promise<EvidenceRecordCounts> => {
  try {
    return (await client.get(`${trialPath(trial)}/kernel`, recordPageSchema, { limit: 1 })).kinds;
  } catch (error) {
    throw orGone(error);
  }
};

/** An evaluation of the platform as a log is written from it. Reading its evidence is on the record. */
export const inspectSource = async (client: ApiClient, id: string): Promise<LogSource> => {
  const [{ evaluation }, suite, { version }] = await Promise.all([
    getEvaluation(client, id),
    getSuite(client, id),
    client.get('/api/v1/platform', platformSchema),
  ]);
  return {
    evaluation,
    suite,
    platformVersion: version,
    trials: () => eachTrial(client, id),
    events: () => eventsOf(client, id),
    calls: (trial) => callsOf(client, trial),
    transcript: (trial) => unlessGone(transcriptOf(client, trial)),
    printed: (trial) => unlessGone(printedBy(client, trial)),
    kernelKinds: (trial) => kernelKindsOf(client, trial),
  };
};
