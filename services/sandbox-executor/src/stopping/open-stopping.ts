import { JetStreamEventLog, NatsControl, openBus } from '@crucible/event-log';
import type { Bus } from '@crucible/event-log';
import type { Logger } from '@crucible/service-kit';
import type { Config } from '../config.ts';
import { Lease } from '../trials/lease.ts';
import { RunningTrials } from '../trials/running-trials.ts';
import { Killer, killOrder } from './killer.ts';
import { Stopping } from './stopping.ts';

/** What ends trials from outside, on a connection that carries nothing else. */
export interface StopSide {
  readonly running: RunningTrials;
  readonly stopping: Stopping;
  readonly lease: Lease;
  /** For following the log's word on stops. */
  readonly bus: Bus;
}

/**
 * Comes before anything else an executor does: it knows what is stopped, and is heard from here on.
 * @throws BusUnavailable: an executor that cannot know what is stopped must not begin
 */
export const openStopping = async (config: Config, logger: Logger): Promise<StopSide> => {
  const bus = await openBus({
    url: config.CRUCIBLE_NATS_URL,
    user: config.CRUCIBLE_NATS_USER,
    password: config.CRUCIBLE_NATS_PASSWORD,
    name: 'sandbox-executor-control',
  });
  const running = new RunningTrials(new Killer(config.CRUCIBLE_EXECUTOR_ID));
  const ports = {
    log: new JetStreamEventLog(bus),
    running,
    executorId: config.CRUCIBLE_EXECUTOR_ID,
  };
  const stopping = await Stopping.begin(ports, logger);
  const control = new NatsControl(bus);
  control.onStop((event) => stopping.hear(event));
  control.onCancel((evaluationId) => void running.killEvaluation(evaluationId));
  // What was said before this came through is in the log, which is followed from what was read of it.
  await bus.nc.flush();
  const lost = { why: 'the bus was silent for longer than the lease' };
  const onLost = (): void => void running.killAll(killOrder('lease-lost', lost));
  return { running, stopping, lease: new Lease({ bus, logger, onLost }), bus };
};
