import { post } from './api.ts';
import { logSoFar } from './log.ts';
import { waitFor } from './wait.ts';

/** Ids of the stops that are engaged by the log, whatever a test remembers: the answer to one that was written may be lost. */
const engagedStops = async (): Promise<ReadonlySet<string>> => {
  const engaged = new Set<string>();
  for (const stored of await logSoFar()) {
    if (!stored.ok) continue;
    const { event } = stored;
    if (event.type === 'crucible.stop.engaged.v1') engaged.add(event.data.stopId);
    if (event.type === 'crucible.stop.released.v1') engaged.delete(event.data.stopId);
  }
  return engaged;
};

/** Releases every stop, until a look finds none: one that a test left behind would hold back every test after it. */
export const releaseEverything = async (): Promise<void> => {
  await waitFor(
    'no stop to be engaged',
    async () => {
      const engaged = await engagedStops();
      for (const stopId of engaged) await post(`/api/v1/stops/${stopId}/release`, { reason: 'the test is over' });
      return engaged.size === 0;
    },
    60_000,
  );
};
