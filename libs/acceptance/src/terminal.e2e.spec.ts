import { beforeAll, describe, expect, it } from 'vitest';
import { listOf, trialsOf } from './support/api.ts';
import { sample, suiteOf, writeSuite } from './support/suites.ts';
import { onTerminal, size } from './support/terminal.ts';
import type { Screen } from './support/terminal.ts';
import { waitFor } from './support/wait.ts';

/** Lines of a picture that say how far all of it is. */
const totals = (lines: readonly string[]): string[] => lines.flatMap((line) => /(\d+\/4) +\d+ %/.exec(line)?.[1] ?? []);

/** Whatever was drawn, it was drawn over what stood there, and fits the window. */
const expectOnePicture = ({ pictures }: Screen): void => {
  expect(pictures.length).toBeGreaterThan(5);
  for (const lines of pictures) {
    expect(totals(lines).length, lines.join('\n')).toBeLessThanOrEqual(1);
    expect(lines.every((line) => line.length < size.columns)).toBe(true);
  }
};

describe('on a terminal', () => {
  const title = `Drawn ${Date.now()}`;
  const samples = Array.from({ length: 4 }, (_, index) => sample(`drawn-${index}`, 'import time\ntime.sleep(1.5)\n'));
  let screen: Screen;
  let code: number;
  let id: string;
  beforeAll(async () => {
    const run = onTerminal([
      'run',
      writeSuite(suiteOf(samples, { name: 'drawn', title, concurrency: 2 })),
      '--no-start',
    ]);
    screen = run.screen;
    code = await run.ended;
    id = (await listOf('?suite=drawn')).items.find(({ suite }) => suite.title === title)?.id ?? '';
  });

  it('run draws one picture over itself, with bars of what runs, and hides the cursor meanwhile', () => {
    expectOnePicture(screen);
    const seen = new Set(screen.pictures.flatMap(totals));
    for (const share of ['0/4', '2/4']) expect([...seen]).toContain(share);
    const bars = screen.pictures.flat().filter((line) => /^ {2}drawn-\d +[▰▱]{12} /.test(line));
    expect(new Set(bars.map((line) => line.trim().slice(0, 'drawn-0'.length))).size).toBe(4);
  });

  it('run leaves the result where the picture was, and gives the cursor back', () => {
    expect(code).toBe(0);
    expect(screen.isCursorShown).toBe(true);
    const text = screen.lines.join('\n');
    for (const { id: sampleId } of samples) expect(text).toMatch(new RegExp(`^${sampleId} +passed`, 'm'));
    expect(text).toContain(`/evaluations/${id}`);
    expect(totals(screen.lines)).toEqual([]);
    expect(text).not.toMatch(/[▰▱]/);
  });

  it('replay draws the same picture by the clock of the past, and ends with the result', async () => {
    const replay = onTerminal(['replay', id, '--speed', '2x']);
    expect(await replay.ended).toBe(0);
    expectOnePicture(replay.screen);
    const seen = new Set(replay.screen.pictures.flatMap(totals));
    for (const share of ['0/4', '2/4']) expect([...seen]).toContain(share);
    expect(replay.screen.pictures.flat().join('\n')).toMatch(/position \d+ +trial\.started +2x +Ctrl-C ends/);
    expect(replay.screen.isCursorShown).toBe(true);
    const text = replay.screen.lines.join('\n');
    expect(text).toMatch(/^drawn-3 +passed/m);
    expect(text).not.toMatch(/Ctrl-C ends|[▰▱]/);
  });

  it('Ctrl-C ends a replay: the cursor is back, and the moment can be gone to', async () => {
    const replay = onTerminal(['replay', id, '--speed', '0.01x']);
    await waitFor('the picture', () => replay.screen.pictures.length > 0 && !replay.screen.isCursorShown);
    replay.press('\u0003');
    expect(await replay.ended).toBe(0);
    expect(replay.screen.isCursorShown).toBe(true);
    const at = /Stopped at position (\d+)\./.exec(replay.screen.lines.join('\n'))?.[1];
    expect(Number(at)).toBeGreaterThan(0);
    expect((await trialsOf(id)).length).toBe(samples.length);
  });

  it('up shows each step once, with its mark and time, and leaves no spinner', async () => {
    const up = onTerminal(['up']);
    expect(await up.ended).toBe(0);
    const text = up.screen.lines.join('\n');
    const steps = up.screen.lines.flatMap((line) => /^✓ (\S+(?: \S+)*) +[\d.]+ s/.exec(line)?.[1] ?? []);
    expect(steps).toEqual(expect.arrayContaining(['nats', 'postgres', 'engine', 'gateway']));
    expect(new Set(steps).size).toBe(steps.length);
    expect(text).not.toMatch(/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/);
    expect(text).toContain('Crucible is up');
    expect(up.screen.isCursorShown).toBe(true);
  });
});
