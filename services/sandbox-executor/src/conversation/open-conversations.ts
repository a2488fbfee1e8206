import { JetStreamEventLog, JetStreamEvidence, JetStreamHistory, NatsLiveReplies } from '@crucible/event-log';
import type { Bus } from '@crucible/event-log';
import type { ModelBroker } from '@crucible/models';
import type { Logger } from '@crucible/service-kit';
import type { ApprovalPolicies } from '@crucible/suite/load';
import type { SandboxEngine } from '../sandbox/port.ts';
import type { TrialLog } from '../trials/trial-log.ts';
import { CommandFeed } from './command-feed.ts';
import { Conversations } from './conversations.ts';
import { dayLimits } from './day-limits.ts';
import type { DayBounds } from './day-limits.ts';
import { judgesWith } from './judges/judges.ts';
import type { ScoringPorts } from './judges/program.ts';
import { Ledger } from './ledger.ts';
import { earlierOf } from './earlier.ts';

export interface ConversationsGround {
  readonly broker: ModelBroker;
  readonly policies: ApprovalPolicies;
  readonly trials: TrialLog;
  readonly sandboxing: ScoringPorts & {
    readonly engine: Pick<SandboxEngine, 'open' | 'run'>;
    readonly kernelObserved: boolean;
  };
  readonly logger: Logger;
}

/** Puts together what trials of models need, on the bus that the executor has. */
export const openConversations = (
  bus: Bus,
  config: DayBounds,
  { broker, policies, trials, sandboxing, logger }: ConversationsGround,
): { readonly conversations: Conversations; readonly ledger: Ledger; readonly feed: CommandFeed } => {
  const log = new JetStreamEventLog(bus);
  const history = new JetStreamHistory(bus);
  const evidence = new JetStreamEvidence(bus);
  const live = new NatsLiveReplies(bus);
  const now = (): number => Date.now();
  const ledger = new Ledger({ log, history, days: dayLimits(config), now, logger });
  const feed = new CommandFeed(log, logger);
  const { engine, kernelObserved } = sandboxing;
  const newId = (): string => bus.edge.newId();
  const conversations = new Conversations({
    trials,
    ports: { broker, policies, ledger, feed, log, evidence, live, engine, newId, now },
    judges: judgesWith(sandboxing),
    earlier: (place, dispatch, suite) => earlierOf({ log, evidence }, place, dispatch, suite),
    kernelObserved,
  });
  return { conversations, ledger, feed };
};
