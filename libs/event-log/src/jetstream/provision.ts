import { durableDefinitions } from '../durables.ts';
import { openBus } from './connection.ts';
import type { BusOptions } from './connection.ts';
import { ensureConsumer } from './consumers.ts';
import { openContentStore } from './content.ts';
import { ensureStreams } from './streams.ts';

/**
 * Makes what services find on the bus and may not make themselves: streams, the content store, durable consumers. What is
 * there is kept. The user must be of the account whose streams they are.
 * @throws BusUnavailable, NatsError
 */
export const provisionBus = async (options: BusOptions): Promise<void> => {
  const bus = await openBus(options);
  try {
    await ensureStreams(bus);
    await openContentStore(bus);
    for (const definition of durableDefinitions) await ensureConsumer(bus, definition);
  } finally {
    await bus.nc.close();
  }
};
