import type { Dispatch, ImageAgent } from '@crucible/domain';
import type { Suite, SuiteSample } from '@crucible/suite';
import type { OpenTrial } from '../trials/open-trial.ts';
import type { TrialLog } from '../trials/trial-log.ts';
import type { Assignment, Place, TrialCourse } from '../trials/trial-run.ts';
import type { Conversing } from '../trials/trial-runner.ts';
import { Conversation } from './course.ts';
import type { ConversationPorts, Judges } from './course.ts';
import { planOf } from './plan.ts';
import type { ConversationPlan, Earlier } from './plan.ts';

export interface ConversationsOptions {
  readonly trials: Pick<TrialLog, 'submissionOf'>;
  readonly ports: ConversationPorts;
  readonly judges: Judges;
  /** What earlier attempts at the trial leave to it. */
  readonly earlier: (place: Place, dispatch: Dispatch, suite: Suite) => Promise<Earlier>;
  readonly kernelObserved: boolean;
}

/** Plans and begins the conversations of an executor's trials. */
export class Conversations implements Conversing {
  readonly #options: ConversationsOptions;

  constructor(options: ConversationsOptions) {
    this.#options = options;
  }

  async plan(
    place: Place,
    dispatch: Dispatch,
    {
      suite,
      sample,
      agent,
    }: { readonly suite: Suite; readonly sample: SuiteSample; readonly agent: ImageAgent | null },
  ): Promise<ConversationPlan> {
    const submission = await this.#options.trials.submissionOf(place.evaluationId);
    return planOf(suite, sample, submission, await this.#options.earlier(place, dispatch, suite), agent);
  }

  begin({ place, suite, sample, detection }: Assignment, plan: ConversationPlan, record: OpenTrial): TrialCourse {
    const { ports, judges, kernelObserved } = this.#options;
    return new Conversation(ports, { place, suite, sample, plan, detection, kernelObserved }, record, judges);
  }
}
