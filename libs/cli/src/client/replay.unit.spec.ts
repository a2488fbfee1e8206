import type { EvaluationPage } from '@crucible/domain';
import { describe, expect, it } from 'vitest';
import { detailOf, eventLine, shortType } from './event-text.ts';
import { momentMs, parsePosition } from './past.ts';
import type { PastEvent } from './past.ts';
import { footLines } from './replay-stage.ts';
import { gapBetween, parseSpeed, play, replayBounds } from './replay.ts';
import type { Gap, Stage } from './replay.ts';
import { halfDone, History, startMs } from './testing.ts';
import { bare } from './text.ts';

/** A clock that only waiting moves, and what was put on the stage at which time. */
class Rehearsal implements Stage {
  nowMs = 0;
  readonly events: { readonly atMs: number; readonly position: number }[] = [];
  readonly shown: { readonly page: EvaluationPage; readonly gap: Gap | undefined }[] = [];
  readonly #stopping = new AbortController();
  readonly #stopAt: number;

  constructor(stopAt = Number.POSITIVE_INFINITY) {
    this.#stopAt = stopAt;
  }

  event({ position }: PastEvent): void {
    this.events.push({ atMs: this.nowMs, position });
    if (position >= this.#stopAt) this.#stopping.abort();
  }

  show(page: EvaluationPage, gap: Gap | undefined): void {
    this.shown.push({ page, gap });
  }

  play(past: readonly PastEvent[], speed: number): Promise<EvaluationPage | undefined> {
    const pause = (ms: number): Promise<void> => {
      this.nowMs += ms;
      return Promise.resolve();
    };
    return play(each(past), this, { speed, signal: this.#stopping.signal, now: () => this.nowMs, pause });
  }
}

async function* each(past: readonly PastEvent[]): AsyncGenerator<PastEvent> {
  for (const entry of past) yield await Promise.resolve(entry);
}

/** Events of `halfDone`, of which each comes 100 ms after the one before, the last one `lateMs` later. */
const lateBy = (lateMs: number): PastEvent[] => {
  const { events } = halfDone();
  return events.map((entry, index) => {
    const atMs = startMs + index * 100 + (index === events.length - 1 ? lateMs : 0);
    return { ...entry, event: { ...entry.event, time: new Date(atMs).toISOString() } };
  });
};

describe('a replay', () => {
  it.each([
    [1, 100],
    [10, 10],
    [0.5, 200],
  ])('keeps the rhythm, %d times as fast', async (speed, stepMs) => {
    const rehearsal = new Rehearsal();
    await rehearsal.play(halfDone().events, speed);
    expect(rehearsal.events.map(({ atMs }) => atMs)).toEqual(halfDone().events.map((_, index) => index * stepMs));
  });

  it('comes to the page that live watching comes to, and passes every page on its way', async () => {
    const history = halfDone();
    const rehearsal = new Rehearsal();
    const last = await rehearsal.play(history.events, 1);
    expect(last).toEqual(history.page());
    for (const { page } of rehearsal.shown) {
      const count = history.events.findIndex(({ position }) => position === page.position) + 1;
      expect(page).toEqual(history.page(count));
    }
    expect(rehearsal.shown.length).toBe(history.events.length);
  });

  it('leaves out every pause at most speed, and folds in one go', async () => {
    const history = halfDone();
    const rehearsal = new Rehearsal();
    expect(await rehearsal.play(history.events, Number.POSITIVE_INFINITY)).toEqual(history.page());
    expect(rehearsal.nowMs).toBe(0);
    expect(rehearsal.shown.length).toBe(1);
  });

  it('shortens a long pause and tells of it, and only of that', async () => {
    const rehearsal = new Rehearsal();
    await rehearsal.play(lateBy(60_000), 1);
    const shortened = rehearsal.shown.filter(({ gap }) => gap?.shortened === true);
    expect(shortened.map(({ gap }) => gap?.pauseMs)).toEqual([replayBounds.pauseMsMax]);
    expect((shortened[0]?.gap?.toMs ?? 0) - (shortened[0]?.gap?.fromMs ?? 0)).toBe(60_100);
    expect(rehearsal.nowMs).toBe((lateBy(0).length - 2) * 100 + replayBounds.pauseMsMax);
  });

  it('ends when it is told to', async () => {
    const history = halfDone();
    const rehearsal = new Rehearsal(history.events[4]?.position);
    const page = await rehearsal.play(history.events, 1);
    expect(rehearsal.events.length).toBe(5);
    expect(page).toEqual(history.page(5));
  });

  it('goes on over what cannot be read, and over clocks that differ', async () => {
    const [first, ...rest] = halfDone().events as [PastEvent, ...PastEvent[]];
    const unreadable = { position: 11, event: null };
    const early = rest.map((entry) => ({
      ...entry,
      event: entry.event && { ...entry.event, time: new Date(startMs - 5_000).toISOString() },
    }));
    const rehearsal = new Rehearsal();
    await rehearsal.play([first, unreadable, ...early] as PastEvent[], 1);
    expect(rehearsal.events.length).toBe(halfDone().events.length + 1);
    expect(rehearsal.nowMs).toBe(0);
  });

  it('of nothing shows nothing', async () => {
    const rehearsal = new Rehearsal();
    expect(await rehearsal.play([], 1)).toBeUndefined();
    expect(rehearsal.shown).toEqual([]);
  });
});

describe('what a person asks for', () => {
  it.each([
    ['1x', 1],
    ['10', 10],
    ['0.5x', 0.5],
    ['10000x', 10_000],
    ['max', Number.POSITIVE_INFINITY],
  ])('is understood: --speed %s', (text, speed) => {
    expect(parseSpeed(text)).toBe(speed);
  });

  it.each(['', '0', '0x', '-1', '1e3', '0.001x', '10001x', 'fast', '1xx', ' 1x', '١x', '\u001b[31m'])(
    'is refused: --speed %j',
    (text) => {
      expect(() => parseSpeed(text)).toThrow(/must be like 10x/);
    },
  );

  it.each(['', '0', '-1', '1.5', 'x', '0x10', '1e3', '9999999999999999'])('is refused: --at %j', (text) => {
    expect(() => parsePosition(text, '--at')).toThrow(/must be a position/);
  });
});

describe('the words of the past', () => {
  it('never turn the clock back', () => {
    expect(gapBetween(1_000, 500, 1)).toEqual({ fromMs: 1_000, toMs: 1_000, pauseMs: 0, shortened: false });
  });

  it('say a shortened pause', () => {
    const gap = gapBetween(0, 125_000, 1);
    const lines = footLines({ position: 5, type: 'trial.started', speed: 1, gap }, 80).map(bare);
    expect(lines).toEqual([
      'position 5  trial.started  1x  Ctrl-C ends',
      'nothing happened for 2 min 05 s: shortened to 2.00 s',
    ]);
    expect(
      footLines({ position: 5, type: 'x', speed: 1, gap: undefined }, 10).every((line) => bare(line).length <= 10),
    ).toBe(true);
  });

  it('are one line an event, and harmless', () => {
    const lines = halfDone().events.map((entry) => bare(eventLine(entry)));
    expect(lines[0]).toMatch(/^ {5}10 {2}00:00:00\.000 {2}evaluation\.submitted +\S+ \S+: 3 trials$/);
    expect(lines.at(-1)).toMatch(/trial\.finished +1-1-1 {2}failed by exit, attempted, /);
    expect(bare(eventLine({ position: 3, event: null }))).toContain('no event we know');
    const hostile = new History().add('crucible.evaluation.cancel-requested.v1', { reason: 'a\u001b[2J\nb\u202e' });
    const [entry] = hostile.events as [PastEvent];
    expect(eventLine(entry)).not.toMatch(/\u001b\[2J|\n|\u202e/);
    expect(entry.event && detailOf(entry.event)).toContain('a');
    expect(shortType('crucible.trial.finished.v1')).toBe('trial.finished');
    expect(shortType('crucible.trial.finished.v12')).toBe('trial.finished');
    expect(shortType('other\u0007')).not.toContain('\u0007');
  });

  it('know what "now" was then', () => {
    const { evaluation, trials } = halfDone().page();
    const last = halfDone().events.at(-1);
    expect(momentMs({ evaluation, trials: [...trials.values()] })).toBe(Date.parse(last?.event.time ?? ''));
  });
});
