import { afterAll, beforeAll } from 'vitest';
import { describeEvidence } from '../evidence.contract.ts';
import { TestNatsServer } from '../testing/index.ts';
import type { Bus } from './connection.ts';
import { JetStreamEvidence } from './evidence.ts';

let server: TestNatsServer;
let bus: Bus;
beforeAll(async () => {
  server = await TestNatsServer.start();
  bus = await server.bus('test');
});
afterAll(() => server.stop());

describeEvidence('JetStream', () => Promise.resolve(new JetStreamEvidence(bus)));
