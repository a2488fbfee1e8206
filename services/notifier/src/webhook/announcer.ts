import { RetryLater } from '@crucible/event-log';
import type { EventHistory, EventLog, StoredEvent } from '@crucible/event-log';
import { subjects } from '@crucible/events';
import { inAnswerTo } from '@crucible/service-kit';
import type { Logger } from '@crucible/service-kit';
import { alertAnnouncementOf, announcementOf, deliveryIdOf, isUrgent, noVerdicts } from './announcement.ts';
import type { Alert, Announcement, Completed, Verdicts } from './announcement.ts';
import type { DeliveryEvent, DeliveryLedger } from './ledger.ts';
import type { Webhook } from './webhook.ts';

export interface AnnouncerOptions {
  /** Null: nothing is announced. */
  readonly webhook: Pick<Webhook, 'send' | 'destination'> | null;
  readonly attemptsMax: number;
  readonly delayMs: (attempt: number) => number;
  readonly now: () => Date;
}

/** The log, to look up what an event that is announced does not say itself. */
export type ReadableLog = Pick<EventLog, 'readSubject'> & Pick<EventHistory, 'readEvaluation'>;

/** What is announced, as it was handed to us. `delivery` counts how often that was, from 1, over all restarts. */
export interface Handed {
  readonly event: Completed | Alert;
  readonly position: number;
  /** As of `QueuedMessage`: the attempts that are told and bounded are those the bus knows of. */
  readonly delivery: number;
}

type Ending = { readonly ok: true; readonly status: number } | { readonly ok: false; readonly error: string };

/** Alerts of which others like them need not be announced; forgetting one costs a message that says nothing new. */
const ALERTS_REMEMBERED_MAX = 10_000;

/** Announces ends of evaluations and urgent alerts, one attempt for each time an event is handed to it. */
export class Announcer {
  readonly #log: ReadableLog;
  readonly #ledger: DeliveryLedger;
  readonly #options: AnnouncerOptions;
  readonly #logger: Logger;
  /** Event that was announced of a trial and rule. */
  readonly #alerts = new Map<string, string>();

  constructor(log: ReadableLog, ledger: DeliveryLedger, options: AnnouncerOptions, logger: Logger) {
    this.#log = log;
    this.#ledger = ledger;
    this.#options = options;
    this.#logger = logger;
  }

  /** @throws RetryLater when a further attempt is due */
  async announce(handed: Handed): Promise<void> {
    const { webhook, attemptsMax, delayMs } = this.#options;
    const { event, position, delivery } = handed;
    if (webhook === null && delivery === 1) return;
    if (event.type === 'crucible.alert.raised.v1' && !(isUrgent(event.data) && this.#isFirst(event))) return;
    const id = deliveryIdOf('webhook', event.id);
    if (await this.#ledger.hasEnded(id, position)) return;
    if (webhook === null)
      return this.#end(handed, { ok: false, error: 'the webhook was taken out of the configuration' });
    // Only when the end could not be written the last time: its reason is lost, its attempts were made.
    if (delivery > attemptsMax) return this.#end(handed, { ok: false, error: `no success in ${attemptsMax} attempts` });
    const body = JSON.stringify(await this.#announcementOf(event, position));
    const attempt = await webhook.send(id, body, this.#options.now());
    if (attempt.ok || attempt.final || delivery === attemptsMax) return this.#end(handed, attempt);
    const waitMs = delayMs(delivery);
    this.#logger.warn({ deliveryId: id, attempt: delivery, waitMs, error: attempt.error }, 'webhook not delivered yet');
    throw new RetryLater(attempt.error, waitMs);
  }

  /** One trial may break one rule a hundred times: people are told once. */
  #isFirst({ id, data: { evaluationId, trialId, rule, foreignTrial } }: Alert): boolean {
    const kind = JSON.stringify([evaluationId, trialId, rule.id, foreignTrial]);
    const first = this.#alerts.get(kind) ?? id;
    this.#alerts.set(kind, first);
    if (this.#alerts.size > ALERTS_REMEMBERED_MAX) this.#alerts.delete(this.#alerts.keys().next().value ?? '');
    return first === id;
  }

  async #announcementOf(event: Handed['event'], position: number): Promise<Announcement> {
    const suite = await this.#suiteOf(event);
    return event.type === 'crucible.alert.raised.v1'
      ? alertAnnouncementOf(event, position, suite)
      : announcementOf(event, position, suite, await this.#verdictsOf(event, position));
  }

  /** The verdicts up to its end, which does not tell them. @throws BusUnavailable */
  async #verdictsOf({ data: { evaluationId } }: Completed, upTo: number): Promise<Verdicts> {
    const verdicts = { ...noVerdicts };
    for await (const stored of this.#log.readEvaluation(evaluationId, { upTo }))
      if (stored.ok && stored.event.type === 'crucible.trial.finished.v2') verdicts[stored.event.data.verdict] += 1;
    return verdicts;
  }

  async #end({ event, position, delivery }: Handed, ending: Ending): Promise<void> {
    const data = {
      deliveryId: deliveryIdOf('webhook', event.id),
      evaluationId: event.data.evaluationId,
      channel: 'webhook' as const,
      about: event.type,
      destination: this.#options.webhook?.destination ?? '',
      attempts: Math.min(delivery, this.#options.attemptsMax),
    };
    const written: DeliveryEvent = ending.ok
      ? { type: 'crucible.delivery.succeeded.v1', data: { ...data, status: ending.status } }
      : { type: 'crucible.delivery.failed.v1', data: { ...data, error: ending.error } };
    await this.#ledger.end(written, position, inAnswerTo('notifier', event));
    const { deliveryId, attempts } = data;
    if (ending.ok) this.#logger.info({ deliveryId, attempts, status: ending.status }, 'webhook delivered');
    else this.#logger.error({ deliveryId, attempts, error: ending.error }, 'webhook given up');
  }

  async #suiteOf(event: Handed['event']) {
    const { events } = await this.#log.readSubject(subjects.evaluation(event.data.evaluationId));
    const submissions = events.flatMap((stored: StoredEvent) =>
      stored.ok && stored.event.type === 'crucible.evaluation.submitted.v2' ? [stored.event.data] : [],
    );
    return submissions[0]?.suite;
  }
}
