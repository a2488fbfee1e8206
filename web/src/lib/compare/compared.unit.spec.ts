import type { EvaluationPage } from '@crucible/domain';
import { describe, expect, it } from 'vitest';
import { at, evaluationView, idOf, submitted } from '../views.fixture.ts';
import { askedFor, comparedOf, comparePath, gridOf, groupsOf } from './compared.ts';

const page = (number: number, suite: string, model: string): EvaluationPage => ({
  evaluation: {
    ...evaluationView(at(number, submitted(idOf(number), 2, 1, suite))),
    subject: { kind: 'model', model, provider: null },
  },
  trials: new Map(),
  position: number,
});
const modelOf = ({ subject }: EvaluationPage['evaluation']): string =>
  subject.kind === 'model' ? subject.model : 'program';

describe('what an address asks to be compared', () => {
  it('is each id once, in its order, and names what is none', () => {
    const [one, two] = [idOf(1), idOf(2)];
    expect(askedFor(`${two}, ${one},${two},nothing,`)).toEqual({ ids: [two, one], wrong: ['nothing'], more: 0 });
    expect(askedFor(null)).toEqual({ ids: [], wrong: [], more: 0 });
    expect(askedFor(comparePath([one, two]).slice('/compare?ids='.length)).ids).toEqual([one, two]);
  });

  it('is bounded, and says what is left out', () => {
    const many = Array.from({ length: 23 }, (_, index) => idOf(index));
    expect(askedFor(many.join(','))).toMatchObject({ more: 3 });
    expect(askedFor(many.join(',')).ids).toHaveLength(20);
  });
});

describe('a comparison', () => {
  const pages = [page(1, 'flag', 'a'), page(2, 'flag', 'b'), page(3, 'secrets', 'a'), page(4, 'flag', 'a')];

  it('has a cell for each model and suite, with every evaluation that is of both', () => {
    const compared = comparedOf(pages);
    expect(compared.map(({ title }) => title)).toEqual(['flag × a #1', 'flag × b', 'secrets × a', 'flag × a #2']);
    expect(gridOf(compared, modelOf)).toEqual({
      subjects: ['a', 'b'],
      suites: ['flag', 'secrets'],
      cells: [
        [[0, 3], [2]],
        [[1], []],
      ],
    });
  });

  it('holds samples of one suite beside each other only', () => {
    expect(groupsOf(pages).map(({ name, members }) => [name, members.map(({ title }) => title)])).toEqual([
      ['flag', ['a #1', 'b', 'a #2']],
      ['secrets', ['a']],
    ]);
  });
});
