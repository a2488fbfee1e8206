import { expect, it } from 'vitest';
import { crucible, jsonLines } from './support/cli.ts';

/**
 * Always the same seed: a failure can then be looked into. The first twelve faults of this one strike every part, kill the
 * bus, the database and the executor, and hold the bus for longer than a lease.
 */
const SEED = 255;
const FAULTS = 12;
const victims = ['audit', 'gateway', 'nats', 'notifier', 'postgres', 'sandbox-executor', 'scheduler'];

it('keeps every promise while its parts are killed and paused', async () => {
  const { code, stdout, stderr } = await crucible(
    ['chaos', '--seed', String(SEED), '--trials', '24', '--faults', String(FAULTS), '--json'],
    {
      timeoutMs: 840_000,
    },
  );
  const [report] = jsonLines(stdout);
  expect(report?.['findings'], stderr).toSatisfy((findings: { broken: string | null }[]) =>
    findings.every(({ broken }) => broken === null),
  );
  expect(report).toMatchObject({ ok: true, seed: SEED });
  const { kills, pauses, of } = report?.['faults'] as {
    kills: number;
    pauses: number;
    of: Record<string, number>;
  };
  expect(kills + pauses).toBeGreaterThanOrEqual(FAULTS);
  expect(Object.keys(of).sort()).toEqual(victims);
  for (const victim of victims) expect(of[victim], `faults of ${victim}`).toBeGreaterThanOrEqual(1);
  expect(Number(report?.['events'])).toBeGreaterThan(24 * 3);
  expect(code).toBe(0);
}, 900_000);
