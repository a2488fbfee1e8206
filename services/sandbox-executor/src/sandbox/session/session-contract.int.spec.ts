import { strict } from '@crucible/domain';
import { afterAll, beforeAll, describe } from 'vitest';
import type { DockerSandboxEngine } from '../engine.ts';
import { sessionContract } from './session.contract.ts';
import { sessionSpec, testSessions } from './session.fixture.ts';

let engine: DockerSandboxEngine;
beforeAll(() => void (engine = testSessions()));
afterAll(() => engine.drain());

describe('a session in a sandbox', () => {
  sessionContract(async (onOutput) => {
    const spec = sessionSpec();
    const prepared = await engine.prepare({ image: spec.image, profile: strict, limits: spec.limits });
    return engine.open(prepared, spec, { onOutput });
  });
});
