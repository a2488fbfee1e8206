import { loadRules } from '@crucible/detectors';
import type { CompiledRules, Loaded, RuleFile } from '@crucible/detectors';
import type { Suite, SuiteScorer } from '@crucible/suite';
import { unjudged } from '@crucible/suite/score';
import type { Judgement } from '@crucible/suite/score';
import type { TrialDetection } from '../detection/index.ts';
import type { WatchReport } from '../kernel-watch/index.ts';

type Conditional = Extract<SuiteScorer, { kind: 'kernel' }> & { readonly on: string; readonly condition: string };
const isConditional = (scorer: SuiteScorer): scorer is Conditional =>
  scorer.kind === 'kernel' && scorer.condition !== undefined && scorer.on !== undefined;

const idOf = (place: number): string => `scorer-${place}`;

/** A suite's condition as the file of a rule of its own, which raises nothing. */
const fileOf = (place: number, { on, condition }: Conditional): RuleFile => {
  const rule = {
    id: idOf(place),
    version: 1,
    title: 'A condition of the suite',
    description: 'Asked by a scorer.',
    severity: 'low',
    capability: 'system-access',
    tags: ['custom.suite-condition'],
    on,
    condition,
    response: 'record',
  };
  return { path: `scorers[${place}]`, text: JSON.stringify(rule) };
};

interface Asked {
  readonly conditions: readonly { readonly scorer: Conditional; readonly place: number; readonly loaded: Loaded }[];
  /** All of them that can be asked; undefined when none can. */
  readonly rules: CompiledRules | undefined;
}

const compiled = ({ scorers }: Pick<Suite, 'scorers'>): Asked => {
  const conditions = scorers.flatMap((scorer, place) =>
    isConditional(scorer) ? [{ scorer, place, loaded: loadRules([fileOf(place, scorer)]) }] : [],
  );
  const usable = conditions.filter(({ loaded }) => loaded.ok);
  if (usable.length === 0) return { conditions, rules: undefined };
  const all = loadRules(usable.map(({ scorer, place }) => fileOf(place, scorer)));
  return { conditions, rules: all.ok ? all.rules : undefined };
};

/** Conditions are compiled once for all trials of a suite, which is kept as long as it is in use. */
const known = new WeakMap<Pick<Suite, 'scorers'>, Asked>();
const askedOf = (suite: Pick<Suite, 'scorers'>): Asked => {
  const before = known.get(suite);
  if (before !== undefined) return before;
  const asked = compiled(suite);
  known.set(suite, asked);
  return asked;
};

/** The conditions that a suite's scorers ask of each of its trials; undefined when they ask none that can be asked. */
export const askedRules = (suite: Pick<Suite, 'scorers'>): CompiledRules | undefined => askedOf(suite).rules;

/** What came of them, by the place of each in the suite. */
export const kernelJudgements = (
  suite: Pick<Suite, 'scorers'>,
  detection: Pick<TrialDetection, 'answerTo'>,
  watch: WatchReport | null,
): Map<number, Judgement> =>
  new Map(
    askedOf(suite).conditions.map(({ scorer, place, loaded }) => [
      place,
      judgementOf(scorer, place, loaded, detection, watch),
    ]),
  );

const judgementOf = (
  { on, expect }: Conditional,
  place: number,
  loaded: Loaded,
  detection: Pick<TrialDetection, 'answerTo'>,
  watch: WatchReport | null,
): Judgement => {
  if (!loaded.ok) return unjudged(`the condition ${loaded.problems[0]?.message ?? ''}`);
  const seen = detection.answerTo(idOf(place));
  const wanted = expect === 'seen';
  // As with rules: what an engine that cannot show system calls did not see is neither shown nor held against anybody.
  if (seen === undefined && on.startsWith('kernel.') && watch?.observed !== true)
    return { right: !wanted, why: 'not judged: system calls were not observed on this engine' };
  const why = seen === undefined ? 'the condition never held' : `the condition held: ${seen}`;
  return { right: (seen !== undefined) === wanted, why };
};
