import { describe, expect, it } from 'vitest';
import { EvaluationIndex } from './evaluation-list.ts';
import { admitted, at, evaluationView, idOf, submitted } from './views.fixture.ts';

const any = { status: null, suite: null, model: null };
const statuses = (index: EvaluationIndex): string[] =>
  index.list(any, null).map(({ id, status }) => `${id.at(-1)} ${status}`);

describe('EvaluationIndex', () => {
  it('puts new evaluations first and folds each event once', () => {
    const index = new EvaluationIndex();
    index.merge([evaluationView(at(1, submitted(idOf(1))))]);
    index.fold(at(2, submitted(idOf(2))));
    index.fold(at(3, admitted(idOf(1))));
    index.fold(at(3, admitted(idOf(1))));
    expect(statuses(index)).toEqual(['2 submitted', '1 running']);
  });

  it('brings a page that is older than the stream up to the present', () => {
    const index = new EvaluationIndex();
    // The stream was ahead when the answer to "load more" was made.
    index.fold(at(9, admitted(idOf(1))));
    index.merge([evaluationView(at(1, submitted(idOf(1))))]);
    expect(statuses(index)).toEqual(['1 running']);
  });

  it('does not let an older answer undo what the stream told', () => {
    const index = new EvaluationIndex();
    const before = evaluationView(at(1, submitted(idOf(1))));
    index.merge([before]);
    index.fold(at(5, admitted(idOf(1))));
    index.merge([before]);
    expect(statuses(index)).toEqual(['1 running']);
  });

  it('shows what fits the filter, no older than the loaded pages reach', () => {
    const index = new EvaluationIndex();
    const views = [1, 2, 3].map((number) =>
      evaluationView(at(number, submitted(idOf(number), 1, 1, number === 2 ? 'other' : 'suite'))),
    );
    index.merge(views);
    expect(index.list({ ...any, suite: 'suite' }, null).map(({ id }) => id.at(-1))).toEqual(['3', '1']);
    expect(index.list(any, views[1] ?? null).map(({ id }) => id.at(-1))).toEqual(['3', '2']);
    expect(index.list({ ...any, status: 'running' }, null)).toEqual([]);
    expect(index.suiteNames()).toEqual(['other', 'suite']);
  });

  it('finds those of a model, and knows which models there are', () => {
    const index = new EvaluationIndex();
    const views = ['house', 'guest', null].map((model, number) => ({
      ...evaluationView(at(number + 1, submitted(idOf(number + 1)))),
      subject: model === null ? { kind: 'program' as const } : { kind: 'model' as const, model, provider: null },
    }));
    index.merge(views);
    expect(index.list({ ...any, model: 'house' }, null).map(({ id }) => id.at(-1))).toEqual(['1']);
    expect(index.modelNames()).toEqual(['guest', 'house']);
  });
});
