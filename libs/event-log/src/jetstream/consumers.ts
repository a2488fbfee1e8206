import { AckPolicy, DeliverPolicy, nanos } from 'nats';
import type { DurableDefinition } from '../durables.ts';
import type { Bus } from './connection.ts';

/**
 * Makes a durable consumer, or brings one up to date. Where the streams are another account's, that has made it: whoever may
 * make consumers may have a stream's messages sent to any subject.
 * @throws NatsError
 */
export const ensureConsumer = async (
  { jsm, isGuest }: Bus,
  { stream, durable, subject, pendingMax, ackWaitMs }: Omit<DurableDefinition, 'service'>,
): Promise<void> => {
  if (isGuest) return;
  await jsm.consumers.add(stream, {
    durable_name: durable,
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(ackWaitMs),
    deliver_policy: DeliverPolicy.All,
    filter_subject: subject,
    max_ack_pending: pendingMax,
  });
};
