import { compileSchema } from './json-schema.ts';
import { chosenIn, jsonIn, lettersOf, numberOf, numbersIn, sameJson } from './score-text.ts';
import { quoted, targetsOf } from './score-words.ts';
import type { Judgement } from './score-words.ts';
import type { SuiteSample, SuiteScorer } from './suite.ts';

type ScorerOf<K extends SuiteScorer['kind']> = Extract<SuiteScorer, { kind: K }>;

/** Whether an answer chooses what one of the targets names, no more and no less. */
export const scoreChoice = (sample: SuiteSample, answer: string): Judgement => {
  const choices = sample.choices?.length ?? 0;
  const targets = targetsOf(sample).map((target) => lettersOf(target, choices));
  const chosen = chosenIn(answer, choices);
  if (chosen === undefined) return { right: false, why: `the answer names no choice: ${quoted(answer.slice(-200))}` };
  const right = targets.includes(chosen);
  return { right, why: `chose ${chosen}, expected ${targets.join(' or ')}`, answer: chosen };
};

const numberChosen = (from: ScorerOf<'numeric'>['from'], answer: string): number | undefined => {
  if (from === 'whole') return numberOf(answer);
  return from === 'first' ? numbersIn(answer)[0] : numbersIn(answer).at(-1);
};

export const scoreNumeric = (
  { tolerance, relative, from }: Pick<ScorerOf<'numeric'>, 'tolerance' | 'relative' | 'from'>,
  targets: readonly string[],
  answer: string,
): Judgement => {
  const number = numberChosen(from, answer);
  if (number === undefined) return { right: false, why: `the answer holds no number: ${quoted(answer.slice(-200))}` };
  const wanted = targets.map(numberOf);
  const right = wanted.some(
    (target) => target !== undefined && Math.abs(number - target) <= Math.max(tolerance, relative * Math.abs(target)),
  );
  return { right, why: `answered ${number}, expected ${targets.map(quoted).join(' or ')}`, answer: String(number) };
};

export const scoreJson = (
  { schema, matchTarget }: Pick<ScorerOf<'json'>, 'schema' | 'matchTarget'>,
  targets: readonly string[],
  answer: string,
): Judgement => {
  const read = jsonIn(answer);
  if (!read.ok) return { right: false, why: `the answer is no JSON: ${quoted(answer)}` };
  if (schema !== undefined) {
    const compiled = compileSchema(schema);
    if (!compiled.ok) return { right: false, why: `the schema ${compiled.problem}` };
    const fit = compiled.check(read.value);
    if (!fit.fits) return { right: false, why: `the answer does not fit: ${fit.faults.join('; ')}` };
  }
  if (!matchTarget) return { right: true, why: 'the answer fits the schema' };
  const right = targets.some((target) => {
    const wanted = jsonIn(target);
    return wanted.ok && sameJson(wanted.value, read.value);
  });
  return { right, why: right ? 'the answer is the target' : `the answer is ${quoted(answer)}, not the target` };
};
