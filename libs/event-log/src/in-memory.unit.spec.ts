import { systemEdge } from './jetstream/connection.ts';
import { describeEventLog } from './event-log.contract.ts';
import { InMemoryEventLog } from './in-memory.ts';

describeEventLog('in memory', () => {
  let ownId: string | undefined;
  const log = new InMemoryEventLog({ ...systemEdge, newId: () => ownId ?? systemEdge.newId() });
  const inject = async (subject: string, body: Uint8Array): Promise<void> => void log.inject(subject, body);
  const underId = (id: string) => {
    ownId = id;
    return log;
  };
  return Promise.resolve({ log, inject, underId });
});
