import type { Judgement } from '@crucible/suite/score';
import { needsJudge, unjudged } from '@crucible/suite/score';
import type { SuiteScorer } from '@crucible/suite';
import type { Judged, Judges } from '../course.ts';
import { gradeByModel } from './model-graded.ts';
import { scoreByProgram } from './program.ts';
import type { ScoringPorts } from './program.ts';

const judgeOne = (ports: ScoringPorts, scorer: SuiteScorer, judged: Judged): Promise<Judgement> => {
  switch (scorer.kind) {
    case 'program':
      return scoreByProgram(ports, scorer, judged);
    case 'model-graded':
      return gradeByModel(scorer, judged);
    default:
      return Promise.resolve(unjudged(`nothing here judges by ${scorer.kind}`));
  }
};

/** Has every scorer judged that needs more than the answer, one after the other. One that cannot says why. */
export const judgesWith =
  (ports: ScoringPorts): Judges =>
  async (judged) => {
    const words = new Map<number, Judgement>();
    for (const [place, scorer] of judged.held.suite.scorers.entries()) {
      if (scorer.kind === 'kernel' || !needsJudge(scorer)) continue;
      try {
        words.set(place, await judgeOne(ports, scorer, judged));
      } catch (error) {
        words.set(place, unjudged(error instanceof Error ? error.message : String(error)));
      }
    }
    return words;
  };
