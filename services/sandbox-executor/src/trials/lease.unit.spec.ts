import { setTimeout as pause } from 'node:timers/promises';
import type { Bus } from '@crucible/event-log';
import { createLogger } from '@crucible/service-kit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Lease } from './lease.ts';

const leaseMs = 200;
const logger = createLogger('sandbox-executor', 'silent');
const answered = (): Promise<number> => Promise.resolve(1);
const silent = (): Promise<number> => new Promise(() => undefined);
const broken = (): Promise<number> => Promise.reject(new Error('the connection is closed'));

const leases: Lease[] = [];
/** A lease on a bus that answers as the test says at the time. */
const leaseOn = (first: () => Promise<number>) => {
  const bus = { rtt: vi.fn(first) };
  let lost = 0;
  const nc = { rtt: () => bus.rtt() } as unknown as Bus['nc'];
  const lease = new Lease({ bus: { nc }, logger, onLost: () => (lost += 1), leaseMs, askEveryMs: 10 });
  leases.push(lease);
  return { lease, bus, lost: () => lost };
};
const until = (what: () => boolean): Promise<void> => vi.waitFor(() => expect(what()).toBe(true), { timeout: 10_000 });

afterEach(() => {
  for (const lease of leases.splice(0)) lease.close();
});

describe('the right to run sandboxes', () => {
  it('lasts while the bus answers, longer than any one answer is good for', async () => {
    const { lease, bus, lost } = leaseOn(answered);
    await pause(3 * leaseMs);
    expect(bus.rtt.mock.calls.length).toBeGreaterThan(5);
    expect([lease.held, lost()]).toEqual([true, 0]);
  });

  it.each([
    ['says nothing', silent],
    ['cannot be asked', broken],
  ])('ends when the bus %s for the whole lease, and not before, and is told of once', async (_, ask) => {
    const beganMs = performance.now();
    const { lease, lost } = leaseOn(ask);
    expect(lease.held).toBe(true);
    await until(() => !lease.held);
    expect(performance.now() - beganMs).toBeGreaterThanOrEqual(leaseMs);
    await pause(leaseMs);
    expect(lost()).toBe(1);
  });

  it('is not renewed by an answer that was under way for longer than the lease', async () => {
    const { lease, lost, bus } = leaseOn(silent);
    const late = Promise.withResolvers<number>();
    await until(() => bus.rtt.mock.calls.length > 0);
    bus.rtt.mockImplementationOnce(() => late.promise);
    await until(() => lost() === 1);
    // On a busy machine it may have been asked for only just now.
    await pause(2 * leaseMs);
    late.resolve(1);
    await pause(30);
    expect(lease.held).toBe(false);
  });

  it('counts from when it was asked for, so a slow answer shortens it', async () => {
    const { lease, bus } = leaseOn(answered);
    const slow = Promise.withResolvers<number>();
    await until(() => bus.rtt.mock.calls.length > 3);
    const askedAtMs = performance.now();
    bus.rtt.mockImplementationOnce(() => slow.promise).mockImplementation(silent);
    await pause(leaseMs / 2);
    slow.resolve(1);
    await until(() => !lease.held);
    // Counted from the answer it would have been half a lease more.
    const heldMs = performance.now() - askedAtMs;
    expect(heldMs).toBeGreaterThanOrEqual(leaseMs);
    expect(heldMs).toBeLessThan(1.5 * leaseMs);
  });

  it('is held again when the bus is back, and can be lost again', async () => {
    const { lease, bus, lost } = leaseOn(silent);
    await until(() => !lease.held);
    bus.rtt.mockImplementation(answered);
    await until(() => lease.held);
    bus.rtt.mockImplementation(silent);
    await until(() => !lease.held);
    expect(lost()).toBe(2);
  });

  it('is asked for no more once it is closed', async () => {
    const { lease, bus, lost } = leaseOn(silent);
    lease.close();
    const asked = bus.rtt.mock.calls.length;
    await pause(2 * leaseMs);
    expect([bus.rtt.mock.calls.length, lost()]).toEqual([asked, 0]);
  });
});
