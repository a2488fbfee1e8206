import { Detector, loadRules } from '@crucible/detectors';
import type { EventKind, TypedEvent } from '@crucible/detectors';
import type { z } from 'zod';
import { describe, expect, it } from 'vitest';
import type { ApiClient } from './api-client.ts';
import { pastEvents } from './past-evidence.ts';
import { halfDone } from './testing.ts';

const act = (n: number, rest: object) => ({ n, at: 1_000 + n * 10, t: n, tid: 2, tgid: 2, proc: 'python3', ...rest });
const kernel = [
  { n: 0, at: 1_000, kind: 'preflight', checks: [] },
  act(1, { tgid: 1, kind: 'spawn', childTid: 2, childTgid: 2 }),
  ...Array.from({ length: 20 }, (_, index) =>
    act(2 + index, { kind: 'open', path: `/x/${index}`, write: false, errno: '' }),
  ),
  { n: 99, at: 2_000, kind: 'sampled', from: 22, leftOut: 3 },
];
const usage = [1, 2].map((n) => ({
  n,
  at: n * 1_050,
  cpuUs: n * 500_000,
  memoryBytes: 1,
  tasks: 1,
  diskBytes: 0,
  tmpBytes: 0,
}));
const output = [{ sequence: 5, stream: 'stdout', atMs: 0, at: 1_115, base64: Buffer.from('hello').toString('base64') }];

/** A gateway that gives seven records a page. */
const asked: string[] = [];
const client = {
  get: (path: string, schema: z.ZodType, { after }: { after: number }) => {
    asked.push(path.slice(path.lastIndexOf('/') + 1));
    if (path.endsWith('/output')) return schema.parse({ chunks: output, next: null, complete: true });
    const all = path.endsWith('/kernel') ? kernel : usage;
    const rest = all.filter(({ n }) => n > after);
    const records = rest.slice(0, 7);
    const next = rest.length > 7 ? records.at(-1)?.n : null;
    return schema.parse({ records, index: 0, matching: 1, total: 1, unreadable: 0, kinds: {}, next, complete: true });
  },
} as unknown as ApiClient;

const trial = [...halfDone().page().trials.values()].find(({ reason }) => reason !== null);
const all = async (...kinds: EventKind[]): Promise<TypedEvent[]> => {
  if (trial === undefined) throw new Error('no finished trial');
  const events: TypedEvent[] = [];
  for await (const event of pastEvents(client, trial, new Set(kinds))) events.push(event);
  return events;
};

describe('pastEvents', () => {
  it('reads every page of every channel, in order of time, the end last', async () => {
    const events = await all('kernel.open', 'usage', 'output', 'end');
    expect(events.map(({ at }) => at).slice(0, -1)).toEqual(
      events
        .map(({ at }) => at)
        .slice(0, -1)
        .toSorted((a, b) => a - b),
    );
    expect(events.filter(({ kind }) => kind === 'kernel.open')).toHaveLength(20);
    expect(events.filter(({ kind }) => kind === 'usage')).toMatchObject([{ cpuCores: 0 }, { place: { record: 2 } }]);
    expect(events.filter(({ kind }) => kind === 'output')).toMatchObject([{ text: 'hello' }]);
    expect(events.at(-1)).toMatchObject({ kind: 'end', reason: trial?.reason });
  });

  it('reads no channel that nobody asked for', async () => {
    asked.length = 0;
    await all('output');
    expect(new Set(asked)).toEqual(new Set(['output']));
  });

  it('gives what a rule would have raised, with the record that proves it', async () => {
    const text = `id: mine\nversion: 1\ntitle: Mine\ndescription: Mine.\nseverity: low\ncapability: deception\ntags: [custom.mine]\nresponse: record\non: kernel.open\ncondition: event.path == '/x/12'`;
    const loaded = loadRules([{ path: 'mine.yaml', text }]);
    if (!loaded.ok) throw new Error('refused');
    const detector = new Detector(loaded.rules);
    const matches = (await all('kernel.open')).flatMap((event) => detector.take(event));
    expect(matches).toMatchObject([
      { count: 1, summary: 'open /x/12: granted', points: [{ channel: 'kernel', record: 14 }] },
    ]);
  });
});
