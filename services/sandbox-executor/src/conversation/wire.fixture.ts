import { WireServer } from '@crucible/models/testing';
import { afterAll, afterEach, beforeAll } from 'vitest';
import type { Bench } from './bench.fixture.ts';

/**
 * A model's server for the tests of a file or a block of it: each begins with nothing asked and nothing scripted.
 * @param started given the server before the first test
 * @returns keeps a bench until its test is over
 */
export const onWire = (started: (wire: WireServer) => void): (<B extends Bench>(bench: B) => B) => {
  let wire: WireServer | undefined;
  const benches: Bench[] = [];
  beforeAll(async () => {
    wire = await WireServer.start();
    started(wire);
  });
  afterEach(() => {
    wire?.reset();
    for (const bench of benches.splice(0)) bench.close();
  });
  afterAll(() => wire?.stop());
  return (bench) => {
    benches.push(bench);
    return bench;
  };
};
