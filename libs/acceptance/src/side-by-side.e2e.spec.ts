import { startPlatform } from '@crucible/cli/testing';
import type { TestPlatform } from '@crucible/cli/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { crucible, jsonLines, pids } from './support/cli.ts';
import { containersAt } from './support/engine.ts';
import { platform } from './support/facts.ts';
import { sleepers, suiteOf, writeSuite } from './support/suites.ts';

describe('two homes on one machine', () => {
  let second: TestPlatform;
  beforeAll(async () => {
    second = await startPlatform();
  }, 180_000);
  afterAll(() => second?.stop(), 60_000);

  it('run at once, each its own evaluation, and know nothing of each other', async () => {
    const path = writeSuite(suiteOf(sleepers(4, 1), { name: 'side-by-side' }));
    const homes = [platform(), second];
    const runs = await Promise.all(
      homes.map(({ home }) => crucible(['run', path, '--no-start', '--json'], { env: { CRUCIBLE_HOME: home } })),
    );
    const results = runs.map(({ stdout }) => jsonLines(stdout).at(-1));
    expect(runs.map(({ code }) => code)).toEqual([0, 0]);
    results.forEach((result, index) => expect(String(result?.['url'])).toContain(`${homes[index]?.url}/`));
    const [mine, theirs] = results.map((result) => String(result?.['evaluationId']));
    const elsewhere = await crucible(['show', mine ?? ''], { env: { CRUCIBLE_HOME: second.home } });
    expect(elsewhere.code).toBe(2);
    expect((await crucible(['show', theirs ?? ''])).code).toBe(2);
    const refused = await fetch(`${second.url}/api/v1/evaluations`, {
      headers: { authorization: `Bearer ${platform().token}` },
    });
    expect(refused.status).toBe(401);
  });

  it('share no process, no port and no container', async () => {
    const env = { CRUCIBLE_HOME: second.home };
    const [ours, others] = await Promise.all([pids(), pids({ env })]);
    expect(Object.keys(ours).sort()).toEqual(Object.keys(others).sort());
    expect(Object.values(ours).filter((pid) => Object.values(others).includes(pid))).toEqual([]);
    expect(second.dockerSocket).not.toBe(platform().dockerSocket);
    const [here, there] = await Promise.all([platform(), second].map(({ dockerSocket }) => containersAt(dockerSocket)));
    const theirs = new Set(there?.map(({ Id }) => Id));
    expect(here?.filter(({ Id }) => theirs.has(Id))).toEqual([]);
  });

  it('end one without the other', async () => {
    const before = await pids();
    const env = { CRUCIBLE_HOME: second.home };
    expect((await crucible(['down', '--purge'], { env })).code).toBe(0);
    expect(await pids()).toEqual(before);
    expect(await pids({ env })).toEqual({});
  });
});
