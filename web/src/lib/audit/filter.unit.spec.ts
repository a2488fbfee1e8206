import { describe, expect, it } from 'vitest';
import { idOf } from '../views.fixture.ts';
import { filterOf, isFiltered, isWhole, noFilter, positionIn, queryOf, typeChoices } from './filter.ts';

describe('the filter of an address', () => {
  it('takes what it can be and passes over the rest', () => {
    const id = idOf(1);
    const text = `type=crucible.trial.*&actor=+somebody+&evaluation=${id}&from=7&to=x`;
    const filter = filterOf(new URLSearchParams(text));
    expect(filter).toEqual({ type: 'crucible.trial.*', actor: 'somebody', evaluation: id, from: 7, to: null });
    expect(filterOf(new URLSearchParams('evaluation=1&from=-3&type='))).toEqual(noFilter);
    expect([isWhole(filter), isFiltered(filter), isWhole({ ...noFilter, from: 3 }), isFiltered(noFilter)]).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  it('asks with both ends included', () => {
    expect(queryOf({ ...noFilter, actor: 'a' }, 1, 10)).toEqual({ actor: 'a', after: 0, before: 11 });
  });

  it('reads positions as people write them', () => {
    expect(['12', '#1,234', '1 234', '0', '-1', 'x', '', null].map(positionIn)).toEqual([
      12,
      1234,
      1234,
      null,
      null,
      null,
      null,
      null,
    ]);
  });

  it('offers every aggregate and every type', () => {
    const values = typeChoices().map(({ value }) => value);
    expect(values).toContain('crucible.trial.*');
    expect(values).toContain('crucible.trial.finished.v2');
    expect(new Set(values).size).toBe(values.length);
  });
});
