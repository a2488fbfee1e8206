import { expect, it } from 'vitest';
import { crucible, jsonLines } from './support/cli.ts';

/** Always the same seed: a failure can then be looked into. */
it('keeps every promise while its parts are killed and paused', async () => {
  const { code, stdout, stderr } = await crucible(
    ['chaos', '--seed', '4', '--trials', '24', '--faults', '12', '--json'],
    {
      timeoutMs: 840_000,
    },
  );
  const [report] = jsonLines(stdout);
  expect(report?.['findings'], stderr).toSatisfy((findings: { broken: string | null }[]) =>
    findings.every(({ broken }) => broken === null),
  );
  expect(report).toMatchObject({ ok: true, seed: 4 });
  const { kills, pauses } = report?.['faults'] as { kills: number; pauses: number };
  expect(kills + pauses).toBeGreaterThanOrEqual(12);
  expect(Number(report?.['events'])).toBeGreaterThan(24 * 3);
  expect(code).toBe(0);
}, 960_000);
