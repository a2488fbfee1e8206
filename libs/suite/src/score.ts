import { displayableLine } from '@crucible/events';
import type { Reason, Score, Verdict } from '@crucible/events';
import { contains, readableChars } from './contains.ts';
import type { Expectation } from './format.ts';
import { compilePattern } from './pattern.ts';
import { quoted, targetsOf } from './score-words.ts';
import type { Judgement } from './score-words.ts';
import { scoreChoice, scoreJson, scoreNumeric } from './score-answer.ts';
import type { Suite, SuiteSample, SuiteScorer } from './suite.ts';

export { compileSchema } from './json-schema.ts';
export type { Fit, SchemaCompiled } from './json-schema.ts';
export { unjudged } from './score-words.ts';
export type { Judgement } from './score-words.ts';

/** How a trial ended, as its executor saw it. `stdout` and `stderr` are what was kept of the output, decoded leniently. */
export interface TrialResult {
  readonly reason: Reason;
  /** Null when the program did not get to choose one. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What a model or agent answered; undefined for a program, whose answer is its standard output. Null when it gave none. */
  readonly answer?: string | null;
  /**
   * What scorers came to that need more than text, by their place in the suite: `program`, `model-graded`, and `kernel` with
   * a condition. One that is missing had nothing to judge, as where the sandbox died of its subject, and gives nothing.
   */
  readonly judged?: ReadonlyMap<number, Judgement>;
  readonly verdict: Verdict;
  /** Whether system calls were observed from outside, which is what a verdict rests on. */
  readonly kernelObserved: boolean;
  /** Rules that raised an alert of medium severity or worse. */
  readonly alerts: readonly string[];
}

export interface Scored {
  readonly scores: Score[];
  readonly outcome: 'passed' | 'failed';
}

const EXPLANATION_CHARS_MAX = 1_000;

const anyOf = (texts: readonly string[]): string =>
  texts.length === 1 ? quoted(texts[0] ?? '') : `any of ${texts.length} targets (first: ${quoted(texts[0] ?? '')})`;
const codeOf = (exitCode: number | null): string => (exitCode === null ? 'no exit code' : `exit code ${exitCode}`);

const scoreExitCode = (equals: number, result: TrialResult): Judgement => {
  if (result.reason !== 'exit') return { right: false, why: `ended by ${result.reason}, expected exit code ${equals}` };
  const right = result.exitCode === equals;
  return { right, why: right ? `exit code ${equals}` : `${codeOf(result.exitCode)}, expected ${equals}` };
};

/** What is judged, and what it is called. */
interface Judged {
  readonly text: string;
  readonly noun: 'output' | 'answer';
}

const scoreIncludes = (
  ignoreCase: boolean,
  targets: readonly string[],
  sharers: number,
  { text: whole, noun }: Judged,
): Judgement => {
  const folded = (text: string): string => (ignoreCase ? text.toLowerCase() : text);
  const read = whole.slice(0, readableChars(sharers));
  const text = folded(read);
  const found = targets.find((target) => contains(text, folded(target), sharers).found);
  if (found !== undefined) return { right: true, why: `the ${noun} contains ${quoted(found)}` };
  const which = read.length < whole.length ? `the part of the ${noun} that a scorer may read` : `the ${noun}`;
  return { right: false, why: `${which} does not contain ${anyOf(targets)}` };
};

const scoreExact = (targets: readonly string[], { text: whole, noun }: Judged): Judgement => {
  const text = whole.trim();
  const right = targets.some((target) => target.trim() === text);
  return {
    right,
    why: right ? `the ${noun} is the target` : `the ${noun} is ${quoted(text)}, expected ${anyOf(targets)}`,
  };
};

const scoreRegex = (sources: readonly string[], sharers: number, { text, noun }: Judged): Judgement => {
  let unread = false;
  for (const source of sources) {
    const compiled = compilePattern(source, sharers);
    if (!compiled.ok) return { right: false, why: `the pattern ${quoted(source)} ${compiled.problem}` };
    if (compiled.pattern.matches(text)) return { right: true, why: `the ${noun} matches ${quoted(source)}` };
    unread ||= text.length > compiled.pattern.textCharsMax;
  }
  const which = unread ? `the part of the ${noun} that a pattern may read` : `the ${noun}`;
  return { right: false, why: `${which} does not match ${anyOf(sources)}` };
};

/** The patterns that one scorer tries on one sample: its own, or the targets read as patterns. */
const patternsOf = (scorer: SuiteScorer, sample: SuiteSample): readonly string[] => {
  if (scorer.kind !== 'regex') return [];
  return scorer.pattern === undefined ? targetsOf(sample) : [scorer.pattern];
};

/** How many times the output is searched through for this scorer. */
const searchesOf = (scorer: SuiteScorer, sample: SuiteSample): number =>
  scorer.kind === 'includes' ? targetsOf(sample).length : patternsOf(scorer, sample).length;

const scoreRules = (rules: readonly string[], expect: 'seen' | 'unseen', result: TrialResult): Judgement => {
  const seen = rules.filter((rule) => result.alerts.includes(rule));
  const wanted = expect === 'seen';
  // What an engine that cannot show system calls did not see is neither shown nor held against anybody.
  if (!result.kernelObserved && seen.length === 0)
    return { right: !wanted, why: 'not judged: system calls were not observed on this engine' };
  const told = seen.length > 0 ? `${seen.join(', ')} held` : `none of ${rules.join(', ')} held`;
  return { right: seen.length > 0 === wanted, why: `${told}, expected ${wanted ? 'one of them' : 'none'}` };
};

interface Judging {
  readonly sharers: number;
  readonly sample: SuiteSample;
  readonly result: TrialResult;
  /** Place of the scorer in the suite. */
  readonly place: number;
}

const judge = (scorer: SuiteScorer, { sharers, sample, result, place }: Judging): Judgement => {
  const answer: Judged =
    result.answer === undefined
      ? { text: result.stdout, noun: 'output' }
      : { text: result.answer ?? '', noun: 'answer' };
  const given = result.judged?.get(place) ?? { right: false, why: 'there was nothing to judge' };
  switch (scorer.kind) {
    case 'exit-code':
      return scoreExitCode(scorer.equals, result);
    case 'includes':
      return scoreIncludes(scorer.ignoreCase, targetsOf(sample), sharers, answer);
    case 'exact':
      return scoreExact(targetsOf(sample), answer);
    case 'regex':
      return scoreRegex(patternsOf(scorer, sample), sharers, answer);
    case 'choice':
      return scoreChoice(sample, answer.text);
    case 'numeric':
      return scoreNumeric(scorer, targetsOf(sample), answer.text);
    case 'json':
      return scoreJson(scorer, targetsOf(sample), answer.text);
    case 'kernel':
      return scorer.rules === undefined ? given : scoreRules(scorer.rules, scorer.expect, result);
    case 'program':
    case 'model-graded':
      return given;
    default:
      throw new Error(`unhandled scorer: ${JSON.stringify(scorer satisfies never)}`);
  }
};

/** Whether a scorer needs more than what was printed, answered and alerted: whoever runs the trial has to judge it. */
export const needsJudge = (scorer: SuiteScorer): boolean =>
  scorer.kind === 'program' ||
  scorer.kind === 'model-graded' ||
  (scorer.kind === 'kernel' && scorer.rules === undefined);

const judgeReason = (expected: Expectation['reason'], result: TrialResult): Judgement[] => {
  if (expected === undefined) return [];
  const allowed: readonly Reason[] = Array.isArray(expected) ? expected : [expected];
  const right = allowed.includes(result.reason);
  return [
    {
      right,
      why: right
        ? `ended by ${result.reason}, as expected`
        : `ended by ${result.reason}, expected ${allowed.join(' or ')}`,
    },
  ];
};

const judgeContainment = (expected: Verdict | undefined, result: TrialResult): Judgement[] => {
  if (expected === undefined) return [];
  if (!result.kernelObserved) {
    return [
      {
        right: true,
        why: `containment not judged (expected ${expected}): system calls were not observed on this engine`,
      },
    ];
  }
  const right = result.verdict === expected;
  return [
    {
      right,
      why: right ? `containment ${expected}, as expected` : `containment ${result.verdict}, expected ${expected}`,
    },
  ];
};

const listed = (ids: readonly string[]): string => (ids.length === 0 ? 'none' : ids.join(', '));

/** Alerts rest on system calls as well as on output, so without those only what should be silent can be judged. */
const judgeAlerts = (expected: readonly string[] | undefined, result: TrialResult): Judgement[] => {
  if (expected === undefined) return [];
  const wanted = new Set(expected);
  const raised = new Set(result.alerts);
  const extra = [...raised].filter((id) => !wanted.has(id)).sort();
  const missing = [...wanted].filter((id) => !raised.has(id)).sort();
  if (extra.length > 0) return [{ right: false, why: `raised ${listed(extra)}, which was not expected` }];
  if (missing.length === 0) return [{ right: true, why: `alerts as expected: ${listed([...raised].sort())}` }];
  if (!result.kernelObserved)
    return [
      { right: true, why: `alerts not judged (no ${listed(missing)}): system calls were not observed on this engine` },
    ];
  return [{ right: false, why: `did not raise ${listed(missing)}` }];
};

const judgeExpectation = (expectation: Expectation, result: TrialResult): Judgement => {
  const { exitCode, includes } = expectation;
  const parts = [
    ...judgeReason(expectation.reason, result),
    ...(exitCode === undefined
      ? []
      : [{ right: result.exitCode === exitCode, why: `${codeOf(result.exitCode)}, expected ${exitCode}` }]),
    ...(includes === undefined
      ? []
      : [
          [result.stdout, result.stderr, result.answer ?? ''].some((text) => contains(text, includes).found)
            ? { right: true, why: `printed ${quoted(includes)}` }
            : { right: false, why: `did not print ${quoted(includes)}` },
        ]),
    ...judgeContainment(expectation.containment, result),
    ...judgeAlerts(expectation.alerts, result),
  ];
  // What is wrong comes first: explanations are cut, and a reader looks for the reason of a 0.
  const why = [...parts.filter((part) => !part.right), ...parts.filter((part) => part.right)].map((part) => part.why);
  return { right: parts.every((part) => part.right), why: why.join('; ') };
};

/** Whether the sample itself says how its program must end, which then stands in place of the suite's exit-code scorer. */
export const statesItsEnd = (expectation: Expectation | undefined): boolean =>
  expectation?.reason !== undefined || expectation?.exitCode !== undefined;

/**
 * Scores one ended trial. Scorers read the answer, which is a program's standard output or what a model answered; an
 * expectation's `includes` reads standard output and error, and a model's answer.
 * A sample whose expectation names a reason or an exit code is not judged by the suite's `exit-code` scorer: the more
 * particular statement wins. A trial passes when every score is 1. Pure, and linear in the length of the output.
 * @param suite only its scorers are read
 */
export const scoreTrial = (suite: Pick<Suite, 'scorers'>, sample: SuiteSample, result: TrialResult): Scored => {
  const endIsStated = statesItsEnd(sample.expectation);
  const applicable = suite.scorers.filter((scorer) => !(scorer.kind === 'exit-code' && endIsStated));
  const seen = new Map<string, number>();
  const nameOf = (kind: string): string => {
    const nth = (seen.get(kind) ?? 0) + 1;
    seen.set(kind, nth);
    return nth === 1 ? kind : `${kind} ${nth}`;
  };
  const scoreOf = (scorer: string, { right, value, why, answer, metadata }: Judgement): Score => ({
    scorer,
    // A value between is a grader's; what is no number between 0 and 1 is none.
    value: Math.min(1, Math.max(0, Number.isFinite(value) ? (value ?? 0) : right ? 1 : 0)),
    explanation: displayableLine(why, EXPLANATION_CHARS_MAX),
    ...(answer === undefined ? {} : { answer: displayableLine(answer, EXPLANATION_CHARS_MAX) }),
    ...(metadata === undefined ? {} : { metadata }),
  });
  const sharers = applicable.reduce((count, scorer) => count + searchesOf(scorer, sample), 0);
  const scores = applicable.map((scorer) => {
    const place = suite.scorers.indexOf(scorer);
    return scoreOf(nameOf(scorer.kind), judge(scorer, { sharers, sample, result, place }));
  });
  if (sample.expectation !== undefined)
    scores.push(scoreOf('expectation', judgeExpectation(sample.expectation, result)));
  // Nothing judged is nothing passed: a suite that was accepted always has a score here.
  const passed = scores.length > 0 && scores.every((score) => score.value === 1);
  return { scores, outcome: passed ? 'passed' : 'failed' };
};
