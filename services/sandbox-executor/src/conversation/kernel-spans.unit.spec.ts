import { describe, expect, it } from 'vitest';
import type { Act } from '../kernel-watch/acts.ts';
import { KernelSpans } from './kernel-spans.ts';

type Body = Act extends infer A ? (A extends Act ? Omit<A, 't' | 'tid' | 'tgid' | 'proc'> : never) : never;
const act = (tgid: number, body: Body): Act => ({ t: 0, tid: tgid, tgid, proc: 'sh', ...body }) as Act;
const spawn = (tgid: number, child: number): Act => act(tgid, { kind: 'spawn', childTid: child, childTgid: child });
const open = (tgid: number): Act => act(tgid, { kind: 'open', path: '/x', write: false, errno: '' });
const exit = (tgid: number): Act => act(tgid, { kind: 'exit', status: 0 });

const seen = (acts: readonly Act[]): KernelSpans => {
  const spans = new KernelSpans(true);
  acts.forEach((each, at) => spans.act(each, at + 1));
  return spans;
};

it('names the records of a call: those of its process and of what descends from it', async () => {
  const spans = seen([
    spawn(1, 10),
    open(10),
    spawn(1, 20),
    spawn(20, 21),
    open(10),
    exit(10),
    open(21),
    exit(20),
    open(21),
  ]);
  expect(await spans.of(10)).toEqual({ from: 1, to: 6 });
  expect(await spans.of(20)).toEqual({ from: 3, to: 9 });
});

it('waits a moment for what is still to come, and no longer', async () => {
  const spans = seen([spawn(1, 10)]);
  const asked = spans.of(10);
  spans.act(open(10), 2);
  spans.act(exit(10), 3);
  expect(await asked).toEqual({ from: 1, to: 3 });
  expect(await spans.of(99)).toBeNull();
});

it('has none where nothing is watched, or no process was', async () => {
  expect(await new KernelSpans(false).of(10)).toBeNull();
  expect(await seen([open(10)]).of(null)).toBeNull();
});

it('takes a number that is used again for the process that has it now', async () => {
  const spans = seen([spawn(1, 10), open(10), exit(10), spawn(1, 10), open(10), exit(10)]);
  expect(await spans.of(10)).toEqual({ from: 4, to: 6 });
});

it('is bounded, however many processes there are', () => {
  const spans = new KernelSpans(true);
  for (let at = 1; at <= 20_000; at += 1) spans.act(spawn(at, at + 1), at);
  return expect(spans.of(5)).resolves.toBeNull();
});

describe('a file that a tool opens', () => {
  const byInit = (path: string): Act => act(1, { kind: 'open', path, write: false, errno: '' });

  it('is told as the subject’s, once for each call, and in which record', async () => {
    const spans = new KernelSpans(true);
    const opened = [spans.opening('/work/a'), spans.opening('/work/a')];
    const told = ['/work/a', '/work/b', '/work/a', '/work/a'].map((path, at) => {
      const known = spans.attribute(byInit(path));
      spans.act(known, at + 1);
      return known.kind === 'open' && known.forTool === true;
    });
    expect(told).toEqual([true, false, true, false]);
    expect(await Promise.all(opened.map((span) => span()))).toEqual([
      { from: 1, to: 1 },
      { from: 3, to: 3 },
    ]);
  });

  it('is the subject’s also when it is told late, and nobody’s else', async () => {
    const spans = new KernelSpans(true);
    const opened = spans.opening('/work/a');
    expect(await opened()).toBeNull();
    expect(spans.attribute(act(7, { kind: 'open', path: '/work/a', write: false, errno: '' }))).not.toHaveProperty(
      'forTool',
    );
    expect(spans.attribute(byInit('/work/a'))).toHaveProperty('forTool', true);
    expect(await new KernelSpans(false).opening('/work/a')()).toBeNull();
  });
});
