import { describe, expect, it } from 'vitest';
import { LiveConnection, retryDelayMs } from './live.ts';
import type { LiveMessage, LiveState } from './live.ts';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const message = (position: number, event = 'event'): string =>
  `id: ${position}\nevent: ${event}\ndata: ${position}\n\n`;
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  await new Promise((resolve) => setTimeout(resolve, 0));
};

/** A gateway with a log of positions: answers each request with what lies behind `after`, cut off where the test says. */
class FakeEdge {
  readonly requests: string[] = [];
  readonly waiting: { afterMs: number; run: () => void }[] = [];
  nowMs = 0;
  answer: (request: string) => Response = () => new Response(null, { status: 500 });

  readonly edge = {
    fetch: (async (input: string, init: RequestInit) => {
      this.requests.push(input);
      const answer = this.answer(input);
      if (answer.body === null || !init.signal) return answer;
      // As a browser does: an aborted request breaks the body that is being read.
      return new Response(answer.body.pipeThrough(new TransformStream(), { signal: init.signal }), answer);
    }) as unknown as typeof fetch,
    nowMs: () => this.nowMs,
    random: () => 1,
    wait: (afterMs: number, run: () => void) => {
      const timer = { afterMs, run };
      this.waiting.push(timer);
      return () => void this.waiting.splice(this.waiting.indexOf(timer), 1);
    },
  };

  /** The next retry comes due; the watchdogs of silence are much longer and stay. */
  async retry(): Promise<number> {
    const timer = this.waiting.find(({ afterMs }) => afterMs <= 10_000);
    if (timer === undefined) throw new Error('nothing waits');
    this.waiting.splice(this.waiting.indexOf(timer), 1);
    timer.run();
    await settled();
    return timer.afterMs;
  }
}

const streaming = (...pieces: string[]): Response =>
  new Response(
    new ReadableStream({
      start: (controller) => {
        for (const piece of pieces) controller.enqueue(encode(piece));
        controller.close();
      },
    }),
  );
const open = (fake: FakeEdge, onMessage?: (message: LiveMessage) => void) => {
  const got: LiveMessage[] = [];
  const states: LiveState[] = [];
  const live = new LiveConnection({
    path: '/stream',
    edge: fake.edge,
    onMessage: (each) => {
      onMessage?.(each);
      got.push(each);
    },
    onState: (state) => states.push(state),
  });
  live.open();
  return { live, got, states };
};

describe('LiveConnection', () => {
  it('resumes behind the last position, so that nothing is lost and nothing comes twice', async () => {
    const fake = new FakeEdge();
    fake.answer = () => streaming(message(10, 'snapshot'), message(11), message(12), 'id: 13\nevent: event\nda');
    const { live, got } = open(fake);
    await settled();
    expect(live.position).toBe(12);
    // The gateway repeats one that was already handed over: harmless.
    fake.answer = () => streaming(message(12), message(13), message(14));
    await fake.retry();
    expect(fake.requests).toEqual(['/stream', '/stream?after=12']);
    expect(got.map(({ position }) => position)).toEqual([10, 11, 12, 13, 14]);
    live.close();
  });

  it('takes a new snapshot even at a position it has seen', async () => {
    const fake = new FakeEdge();
    fake.answer = () => streaming(message(10, 'snapshot'), message(11));
    const { live, got } = open(fake);
    await settled();
    fake.answer = () => streaming(message(11, 'snapshot'), message(12));
    await fake.retry();
    expect(got.map(({ event, position }) => `${event} ${position}`)).toEqual([
      'snapshot 10',
      'event 11',
      'snapshot 11',
      'event 12',
    ]);
    live.close();
  });

  it('asks again for a message that its handler could not take', async () => {
    const fake = new FakeEdge();
    fake.answer = () => streaming(message(1), message(2), message(3));
    let fails = true;
    const { live, got } = open(fake, ({ position }) => {
      if (position === 2 && fails) {
        fails = false;
        throw new Error('not now');
      }
    });
    await settled();
    fake.answer = () => streaming(message(2), message(3));
    await fake.retry();
    expect(fake.requests.at(-1)).toBe('/stream?after=1');
    expect(got.map(({ position }) => position)).toEqual([1, 2, 3]);
    live.close();
  });

  it('waits longer after each failure, says offline, and begins anew after a steady connection', async () => {
    const fake = new FakeEdge();
    const { live, states } = open(fake);
    await settled();
    const waits = [await fake.retry(), await fake.retry(), await fake.retry(), await fake.retry()];
    expect(waits).toEqual([500, 1_000, 2_000, 4_000]);
    expect(states.at(-1)).toBe('offline');
    let feed: ReadableStreamDefaultController<Uint8Array> | undefined;
    fake.answer = () => new Response(new ReadableStream({ start: (controller) => void (feed = controller) }));
    await fake.retry();
    fake.nowMs += 10_000;
    feed?.close();
    await settled();
    expect(states).toContain('live');
    expect(states.at(-1)).toBe('reconnecting');
    expect(await fake.retry()).toBe(500);
    live.close();
  });

  it.each([
    [401, 'signed-out'],
    [404, 'gone'],
  ] as const)('gives up on status %i as %s, until it is asked to try again', async (status, state) => {
    const fake = new FakeEdge();
    fake.answer = () => new Response(null, { status });
    const { live, states } = open(fake);
    await settled();
    expect(states.at(-1)).toBe(state);
    expect(fake.waiting).toEqual([]);
    fake.answer = () => new Response(new ReadableStream());
    live.retryNow();
    await settled();
    expect(states.at(-1)).toBe('live');
    live.close();
  });

  it('does not believe that what it has seen does not exist', async () => {
    const fake = new FakeEdge();
    fake.answer = () => streaming(message(1));
    const { live, got } = open(fake);
    await settled();
    fake.answer = () => new Response(null, { status: 404 });
    await fake.retry();
    fake.answer = () => streaming(message(2));
    await fake.retry();
    expect(got.map(({ position }) => position)).toEqual([1, 2]);
    live.close();
  });

  it('takes long silence for a dead line', async () => {
    const fake = new FakeEdge();
    fake.answer = () =>
      new Response(new ReadableStream({ start: (controller) => controller.enqueue(encode(message(5))) }));
    const { live, states } = open(fake);
    await settled();
    expect(states.at(-1)).toBe('live');
    const watchdog = fake.waiting.find(({ afterMs }) => afterMs > 15_000 * 2);
    watchdog?.run();
    await settled();
    expect(states.at(-1)).toBe('reconnecting');
    await fake.retry();
    expect(fake.requests.at(-1)).toBe('/stream?after=5');
    live.close();
  });

  it('hands over nothing after it was closed, and resumes when opened again', async () => {
    const fake = new FakeEdge();
    let feed: ReadableStreamDefaultController<Uint8Array> | undefined;
    fake.answer = () => new Response(new ReadableStream({ start: (controller) => void (feed = controller) }));
    const { live, got } = open(fake);
    await settled();
    feed?.enqueue(encode(message(1)));
    await settled();
    live.close();
    await settled();
    expect(got.map(({ position }) => position)).toEqual([1]);
    fake.answer = () => streaming(message(2));
    live.open();
    await settled();
    expect(fake.requests.at(-1)).toBe('/stream?after=1');
    expect(got.map(({ position }) => position)).toEqual([1, 2]);
    live.close();
  });
});

describe('retryDelayMs', () => {
  it('doubles within its bound and spreads by half', () => {
    expect(retryDelayMs(1, 0)).toBe(250);
    expect(retryDelayMs(3, 1)).toBe(2_000);
    expect(retryDelayMs(40, 1)).toBe(5_000);
  });
});
