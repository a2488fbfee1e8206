import type { StoredEvent, Work } from '@crucible/event-log';
import { ABANDONED_WORK, LOGGER, WORK } from '@crucible/service-kit';
import type { AbandonedWork, Logger } from '@crucible/service-kit';
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { TrialRunner } from './trial-runner.ts';

@Controller()
export class TrialsController {
  constructor(
    @Inject(TrialRunner) private readonly runner: TrialRunner,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @EventPattern(WORK)
  onWork(@Payload() work: Work): Promise<void> {
    return this.runner.take(work);
  }

  @EventPattern(ABANDONED_WORK)
  onAbandonedWork(@Payload() { item, why }: AbandonedWork): Promise<void> {
    return this.runner.abandon(item, why);
  }

  /** The sure path of a cancel: the control message before it may have been lost. */
  @EventPattern('crucible.evaluation.cancel-requested.v1')
  onCancel(@Payload() stored: StoredEvent): void {
    if (!stored.ok || stored.event.type !== 'crucible.evaluation.cancel-requested.v1') return;
    const killed = this.runner.running.killEvaluation(stored.event.data.evaluationId);
    this.logger.info({ evaluationId: stored.event.data.evaluationId, killed }, 'cancelled');
  }
}
