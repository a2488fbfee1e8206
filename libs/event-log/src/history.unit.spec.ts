import { uuidv7 } from '@crucible/events';
import { describeHistory } from './history.contract.ts';
import { InMemoryEventLog } from './in-memory.ts';

let made = 0;
const newId = (): string => uuidv7(1_700_000_000_000 + (made += 1), new Uint8Array(16));
const log = new InMemoryEventLog({ now: () => 1_700_000_000_000, newId });

describeHistory('in memory', () =>
  Promise.resolve({ log, history: log, inject: (subject, body) => Promise.resolve(log.inject(subject, body)) }),
);
