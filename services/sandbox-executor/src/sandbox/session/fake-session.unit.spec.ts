import { describe } from 'vitest';
import { FakeSession } from './fake-session.fixture.ts';
import { sessionContract } from './session.contract.ts';

describe('a session in memory', () => {
  sessionContract((onOutput) => Promise.resolve(new FakeSession({ onOutput })));
});
