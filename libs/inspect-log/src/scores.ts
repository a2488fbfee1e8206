import type { Score as OurScore } from '@crucible/events';
import type { Score } from './shapes.ts';

const scoreIn = ({ value, explanation, answer, metadata }: OurScore): Score => ({
  value,
  ...(answer === undefined ? {} : { answer }),
  explanation,
  ...(metadata === undefined ? {} : { metadata }),
  history: [],
});

/** Names of scorers as Inspect tells several of one name apart: a number behind all but the first. */
export const scorerNames = (scores: readonly Pick<OurScore, 'scorer'>[]): string[] => {
  const names: string[] = [];
  for (const { scorer } of scores) {
    let name = scorer;
    for (let number = 1; names.includes(name); number += 1) name = `${scorer}${number}`;
    names.push(name);
  }
  return names;
};

export const scoresOf = (scores: readonly OurScore[]): Readonly<Record<string, Score>> => {
  const names = scorerNames(scores);
  return Object.fromEntries(scores.map((score, at) => [names[at] ?? score.scorer, scoreIn(score)]));
};
