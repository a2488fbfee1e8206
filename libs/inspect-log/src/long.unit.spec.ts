import { describe, expect, it } from 'vitest';
import { transcriptRecordSchema } from '@crucible/events';
import type { CallView } from '@crucible/api';
import { CallWindow } from './call-window.ts';
import { agentSuite, bash } from './testing/examples.ts';
import { Story } from './testing/story.ts';
import { written, writtenLog } from './testing/written.ts';

const model = { kind: 'model', model: 'scripted/intruder', provider: null } as const;
const first = { sampleIndex: 0 };

describe('a long conversation', () => {
  it('is as long in the log as it was, however many turns it has: nothing stands in every call again', async () => {
    const bytesOf = async (turns: number): Promise<number> => {
      const story = new Story(agentSuite({ epochs: 1 }), model).started(first);
      for (let turn = 1; turn <= turns; turn += 1)
        story
          .replies(first, 'x'.repeat(500), [bash(`c${turn}`, 'ls')], { turn })
          .answers(first, `c${turn}`, 'y', { turn });
      return (await written('json', story.finished(first).source())).byteLength;
    };
    const [short, long] = [await bytesOf(20), await bytesOf(80)];
    expect(long).toBeLessThan(4.5 * short);
  });

  it('is read once, and never further ahead of its words than it has to be', async () => {
    const records = 30_000;
    let read = 0;
    let written = 0;
    let most = 0;
    const at = (n: number) => ({ n, at: 1_767_225_600_000 + n, turn: n });
    const story = new Story(agentSuite({ epochs: 1 }), model).started(first).finished(first);
    const source = {
      ...story.source(),
      calls: async function* () {},
      transcript: async function* () {
        for (let n = 1; n <= records; n += 1) {
          read += 1;
          most = Math.max(most, read - written);
          yield transcriptRecordSchema.parse({
            ...{ kind: 'message', by: 'suite', ...at(n) },
            message: { role: 'user', content: 'word' },
          }) as never;
          written += 1;
        }
      },
    };
    const log = await writtenLog(source);
    expect(log.samples[0]?.messages).toHaveLength(records);
    expect(read).toBe(records);
    expect(most).toBeLessThanOrEqual(2);
  }, 60_000);
});

describe('calls beside their words', () => {
  const call = (position: number, result: number | null): CallView =>
    ({ kind: 'tool', position, records: { result } }) as CallView;
  const windowOf = (calls: readonly CallView[]) =>
    new CallWindow(
      (async function* () {
        yield* calls;
      })(),
    );
  const positions = (calls: readonly CallView[]): number[] => calls.map(({ position }) => position);

  it('are found at their record, also where the log tells them in another order', async () => {
    const window = windowOf([call(1, 4), call(2, 2), call(3, 2), call(4, 900)]);
    expect(positions(await window.at(2))).toEqual([2, 3]);
    expect(positions(await window.at(4))).toEqual([1]);
    expect(positions(await window.at(5))).toEqual([]);
    const rest: CallView[] = [];
    for await (const each of window.rest()) rest.push(each);
    expect(positions(rest)).toEqual([4]);
  });

  it('without a record, or told too late for it, come with the next', async () => {
    const window = windowOf([call(1, null), call(2, 1_000), call(3, 3)]);
    expect(positions(await window.at(900))).toEqual([1, 3]);
    expect(positions(await window.at(1_000))).toEqual([2]);
  });
});
