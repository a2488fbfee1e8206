import { describe, expect, it } from 'vitest';
import { logFormatOf } from './export-evaluation.ts';
import { halfDone } from './testing.ts';
import { trialCsv, trialJson } from './trial-rows.ts';

const all = async (pieces: AsyncIterable<string>): Promise<string> => {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
};
const { evaluation, trials } = halfDone().page();
async function* rows(sampleId?: string) {
  for (const trial of trials.values()) yield sampleId === undefined ? trial : { ...trial, sampleId };
}

describe('what kind of log a file is', () => {
  it.each([
    ['a.json', undefined, 'json'],
    ['x/a.eval', undefined, 'eval'],
    ['-', undefined, 'json'],
    ['-', 'eval', 'eval'],
    ['a.log', 'eval', 'eval'],
  ])('%s, --as %s: %s', (out, as, format) => expect(logFormatOf(out, as)).toBe(format));

  it.each([
    ['a.log', undefined, /say which with --as/],
    ['a.json', 'eval', /ends in \.json, and --as says eval/],
    ['a.json', 'zip', /must be json or eval/],
  ])('%s, --as %s: refused', (out, as, why) => expect(() => logFormatOf(out, as)).toThrow(why));
});

describe('a table of trials', () => {
  it('has a row an attempt, and nothing where nothing is known', async () => {
    const [head = '', ...lines] = (await all(trialCsv(rows()))).split('\r\n');
    const columns = head.split(',');
    const table = lines.slice(0, -1).map((line) => {
      const fields = line.split(',');
      expect(fields).toHaveLength(columns.length);
      return Object.fromEntries(columns.map((column, at) => [column, fields[at]]));
    });
    expect(table).toMatchObject([
      { sample: 'good', outcome: 'passed', score: '1', verdict: 'contained', scores: 'exit-code=1' },
      { sample: 'bad', outcome: 'failed', score: '0', verdict: 'attempted' },
      { sample: 'slow', outcome: '', score: '', status: 'running', finished_at: '' },
    ]);
  });

  it('takes no name for a formula or for more than one field', async () => {
    const csv = await all(trialCsv(rows('=HYPERLINK("x"),y')));
    expect(csv).toContain(`,"'=HYPERLINK(""x""),y",`);
  });

  it('is JSON of the views, also with no trial at all', async () => {
    expect(JSON.parse(await all(trialJson(evaluation, rows())))).toEqual({ evaluation, trials: [...trials.values()] });
    const none = (async function* () {})();
    expect(JSON.parse(await all(trialJson(evaluation, none)))).toEqual({ evaluation, trials: [] });
  });
});
