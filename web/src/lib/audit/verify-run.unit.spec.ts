import { describe, expect, it, vi } from 'vitest';
import type { VerifyInput, VerifyOutput } from './verify-messages.ts';
import { runVerification } from './verify-run.ts';
import type { VerifyThread } from './verify-run.ts';

const report = { events: 1, eventsTotal: 2, evidence: 0, bytes: 1, tookMs: 1 };
const result = { kind: 'result', result: {}, report } as unknown as VerifyOutput;

/** A worker that answers only when it is told to. */
const threadOf = () => {
  const got: VerifyInput[] = [];
  const thread: VerifyThread = { onmessage: null, postMessage: (message) => void got.push(message) };
  return { got, thread, say: (data: VerifyOutput) => thread.onmessage?.({ data } as MessageEvent<VerifyOutput>) };
};
const kindsOf = (got: readonly VerifyInput[]) => got.map(({ kind }) => kind);
const pieces = (count: number) =>
  new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      for (let index = 0; index < count; index += 1) controller.enqueue(Uint8Array.of(index));
      controller.close();
    },
  });
const order = (open: () => Promise<ReadableStream<Uint8Array<ArrayBuffer>>>) => ({
  key: 'k',
  kept: [],
  open,
  onReport: vi.fn(),
});
const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('runVerification', () => {
  it('gives all bytes in order, never more than eight ahead', async () => {
    const { got, thread, say } = threadOf();
    const run = order(() => Promise.resolve(pieces(20)));
    const outcome = runVerification(thread, run, new AbortController().signal);
    await turn();
    expect(got).toHaveLength(1 + 8);
    for (let taken = 0; taken < 20; taken += 1) {
      say({ kind: 'taken', report });
      await turn();
    }
    expect(kindsOf(got)).toEqual(['begin', ...Array.from({ length: 20 }, () => 'bytes'), 'end']);
    expect(run.onReport).toHaveBeenCalledTimes(20);
    say(result);
    expect(await outcome).toBe(result);
  });

  it('reads no further once the worker knows', async () => {
    const { got, thread, say } = threadOf();
    const cancel = vi.fn();
    const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: (controller) => controller.enqueue(new Uint8Array(1)),
      cancel,
    });
    const outcome = runVerification(
      thread,
      order(() => Promise.resolve(endless)),
      new AbortController().signal,
    );
    await turn();
    say(result);
    await outcome;
    await turn();
    expect(cancel).toHaveBeenCalled();
    expect(kindsOf(got)).not.toContain('end');
  });

  it('says that it failed where the line broke, and not that the log is wrong', async () => {
    const { thread } = threadOf();
    const broken = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: (controller) => controller.error(new Error('network')),
    });
    const outcome = runVerification(
      thread,
      order(() => Promise.resolve(broken)),
      new AbortController().signal,
    );
    expect(await outcome).toEqual({ kind: 'failed', reason: 'network' });
  });

  it('is silent after it was cancelled', async () => {
    const { thread, say } = threadOf();
    const cancelled = new AbortController();
    const settled = vi.fn();
    void runVerification(
      thread,
      order(() => Promise.resolve(pieces(3))),
      cancelled.signal,
    ).then(settled);
    await turn();
    cancelled.abort();
    say(result);
    await turn();
    expect(settled).not.toHaveBeenCalled();
  });
});
