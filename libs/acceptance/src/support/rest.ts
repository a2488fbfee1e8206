import { cancel, post } from './api.ts';
import { containersOfTrials } from './engine.ts';
import { logSoFar } from './log.ts';
import { waitFor } from './wait.ts';

/** Ids that the log has by one type of event and not yet by the other. */
const openBy = async (
  idIn: (data: Readonly<Record<string, unknown>>) => unknown,
  begin: string,
  end: string,
): Promise<ReadonlySet<string>> => {
  const open = new Set<string>();
  for (const stored of await logSoFar()) {
    if (!stored.ok) continue;
    const { type, data } = stored.event;
    if (type === begin) open.add(String(idIn(data)));
    if (type === end) open.delete(String(idIn(data)));
  }
  return open;
};

const engagedStops = () => openBy(({ stopId }) => stopId, 'crucible.stop.engaged.v1', 'crucible.stop.released.v1');
const openEvaluations = () =>
  openBy(({ evaluationId }) => evaluationId, 'crucible.evaluation.submitted.v2', 'crucible.evaluation.completed.v1');

/**
 * Releases every stop, cancels every evaluation and waits until nothing of them runs: what a test that failed half-way left
 * behind would hold back or crowd every test after it. By the log, whatever a test remembers, as the answer to what was
 * written may be lost. Needs the gateway.
 */
export const comeToRest = async (): Promise<void> => {
  await waitFor(
    'the platform to come to rest',
    async () => {
      const [stops, evaluations] = [await engagedStops(), await openEvaluations()];
      for (const stopId of stops) await post(`/api/v1/stops/${stopId}/release`, { reason: 'the test is over' });
      for (const id of evaluations) await cancel(id, 'the test is over');
      return stops.size === 0 && evaluations.size === 0 && (await containersOfTrials()).length === 0;
    },
    120_000,
    200,
  );
};
