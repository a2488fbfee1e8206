import { describe, expect, it } from 'vitest';
import { wishOf } from './export.ts';

describe('what is asked of an export', () => {
  it.each([
    [{ format: 'inspect' }, { as: 'eval', out: 'id.eval' }],
    [
      { format: 'inspect', as: 'json' },
      { as: 'json', out: 'id.json' },
    ],
    [{ format: 'csv' }, { out: 'id.csv' }],
    [{ format: 'json' }, { out: 'id.json' }],
    [
      { format: 'inspect', out: 'logs/a.json' },
      { as: 'json', out: 'logs/a.json' },
    ],
  ])('%j: %j', (options, wish) => expect(wishOf(options, 'id')).toMatchObject(wish));

  it.each([
    [{ format: 'xml' }, '--format xml: must be one of'],
    [{ format: 'csv', as: 'json' }, '--as is for --format inspect'],
  ])('%j is refused: %s', (options, why) => expect(() => wishOf(options)).toThrow(why));
});
