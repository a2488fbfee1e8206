import { describe, expect, it } from 'vitest';
import { Detector } from './detector.ts';
import { loadRules } from './load.ts';
import type { CompiledRules } from './rule-set.ts';
import { eventSchemas } from './typed-event.ts';
import type { EventKind, TypedEvent } from './typed-event.ts';

const rules = (lines: string): CompiledRules => {
  const text = `id: mine\nversion: 1\ntitle: Mine\ndescription: Mine.\nseverity: low\ncapability: deception\ntags: [custom.mine]\nresponse: record\n${lines}`;
  const loaded = loadRules([{ path: 'mine.yaml', text }]);
  if (!loaded.ok) throw new Error(loaded.problems[0]?.message);
  return loaded.rules;
};
const event = (kind: EventKind, at: number, fields: object = {}): TypedEvent =>
  eventSchemas[kind].parse({
    kind,
    at,
    place: { channel: 'kernel', record: at, stream: null, offset: null },
    ...fields,
  }) as TypedEvent;
const open = (at: number, path = '/x'): TypedEvent => event('kernel.open', at, { path, errno: 'EACCES' });

describe('Detector', () => {
  it('tells a rule once and then counts until its window is over', () => {
    const detector = new Detector(rules("on: kernel.open\ncondition: event.path == '/x'\nwindow: 10s"));
    expect(detector.take(open(1_000))).toMatchObject([
      { count: 1, summary: 'open /x: EACCES', points: [{ record: 1_000, channel: 'kernel' }] },
    ]);
    expect([2_000, 3_000, 10_999].flatMap((at) => detector.take(open(at)))).toEqual([]);
    expect(detector.take(open(11_000))).toMatchObject([{ count: 4 }]);
    expect(detector.take(open(30_000, '/y'))).toEqual([]);
  });

  it('waits for a threshold, within its time', () => {
    const detector = new Detector(
      rules("on: kernel.open\ncondition: event.path == '/x'\nthreshold: { count: 3, within: 1s }"),
    );
    expect([0, 900, 1_800, 2_700].flatMap((at) => detector.take(open(at)))).toEqual([]);
    expect(detector.take(open(2_900))).toEqual([]);
    expect(detector.take(open(2_950))).toMatchObject([{ count: 6 }]);
  });

  it('keeps the newest ten points', () => {
    const detector = new Detector(
      rules("on: kernel.open\ncondition: event.path == '/x'\nthreshold: { count: 50, within: 1m }"),
    );
    const [match] = Array.from({ length: 50 }, (_, at) => detector.take(open(at))).flat();
    expect(match?.points.map(({ record }) => record)).toEqual(Array.from({ length: 10 }, (_, index) => 40 + index));
  });

  it('keeps trials apart', () => {
    const set = rules("on: kernel.open\ncondition: event.path == '/x'");
    expect(new Detector(set).take(open(1))).toHaveLength(1);
    expect(new Detector(set).take(open(2))).toHaveLength(1);
  });

  it('tells apart what its rules look at, and only that', () => {
    const set = rules("on: kernel.open\ncondition: event.path == '/x' && event.write");
    const detector = new Detector(set);
    expect(detector.take(open(1))).toEqual([]);
    expect(detector.take(event('kernel.open', 2, { path: '/x', write: true }))).toHaveLength(1);
  });

  it('takes a condition without a value as one that does not hold, and counts it', () => {
    const set = rules('on: kernel.call\ncondition: event.args[5] == 1');
    expect(new Detector(set).take(event('kernel.call', 1, { args: [1] }))).toEqual([]);
    expect(set.faults).toBe(1);
  });

  it('makes what a guest chose displayable, by the rule’s words', () => {
    const detector = new Detector(rules('on: kernel.open\ncondition: "true"\nsummary: "{path} was opened: {errno}"'));
    const [match] = detector.take(event('kernel.open', 1, { path: `/\u001b[31m${'a'.repeat(900)}` }));
    expect(match?.summary).toMatch(/^\/␛\[31ma+… was opened: granted$/);
    expect(match?.points[0]?.excerpt.length).toBeLessThanOrEqual(300);
  });

  it('points at the place in an output', () => {
    const detector = new Detector(rules("on: output\ncondition: event.text.contains('secret')"));
    const output = eventSchemas.output.parse({
      kind: 'output',
      at: 5,
      place: { channel: 'output', record: null, stream: 'stderr', offset: 100 },
      stream: 'stderr',
      text: 'ä the secret word',
    }) as TypedEvent;
    expect(detector.take(output)[0]?.points).toEqual([
      { channel: 'output', record: null, stream: 'stderr', offset: 107, at: 5, excerpt: 'secret word' },
    ]);
  });

  it('judges the first part of a flood of output whole, and a sample of the rest', () => {
    const set = rules(
      "on: output\ncondition: event.text.contains('x')\nthreshold: { count: 2, within: 1m }\nwindow: 1ms",
    );
    const detector = new Detector(set);
    const piece = eventSchemas.output.parse({ kind: 'output', text: 'x'.repeat(16_384) }) as TypedEvent;
    const told = Array.from({ length: 64 + 160 }, (_, at) => detector.take({ ...piece, at: at * 10 })).flat();
    expect(told).toHaveLength((64 + 10) / 2);
  });

  it('stays bounded under a flood of different acts', () => {
    const set = rules("on: kernel.open\ncondition: event.path.endsWith('7')\nthreshold: { count: 10000, within: 1h }");
    const detector = new Detector(set);
    const matches = Array.from({ length: 60_000 }, (_, at) => detector.take(open(at, `/work/${at}`))).flat();
    expect(matches).toEqual([]);
  });
});
