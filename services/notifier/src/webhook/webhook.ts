import { displayableLine } from '@crucible/events';
import { Webhook as Signer } from 'standardwebhooks';

const GONE = 410;
const ERROR_CHARS_MAX = 300;
const DESTINATION_CHARS_MAX = 500;

/** How one attempt ended. `final`: the receiver said that no further one is wanted. */
export type Attempt =
  | { readonly ok: true; readonly status: number }
  | { readonly ok: false; readonly final: boolean; readonly error: string };

export interface WebhookOptions {
  readonly url: string;
  /** `whsec_` and base64. */
  readonly secret: string;
  /** Until the status line and headers of the answer are there. */
  readonly timeoutMsMax: number;
}

/** One receiver of webhooks, reached as Standard Webhooks says. The receiver is not trusted: nothing it sends is read but its status. */
export class Webhook {
  readonly #options: WebhookOptions;
  readonly #signer: Signer;

  constructor(options: WebhookOptions) {
    this.#options = options;
    this.#signer = new Signer(options.secret);
  }

  /** The address without its query, which may hold a secret. */
  get destination(): string {
    const { origin, pathname } = new URL(this.#options.url);
    return `${origin}${pathname}`.slice(0, DESTINATION_CHARS_MAX);
  }

  /** One attempt. Never rejects. */
  async send(id: string, body: string, now: Date): Promise<Attempt> {
    try {
      const answer = await fetch(this.#options.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'crucible-notifier',
          'webhook-id': id,
          'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)),
          'webhook-signature': this.#signer.sign(id, now, body),
        },
        body,
        // A redirect would carry a signed message to somewhere nobody configured.
        redirect: 'manual',
        signal: AbortSignal.timeout(this.#options.timeoutMsMax),
      });
      // An answer has no bound but ours: its body is dropped unread, and the connection with it.
      await answer.body?.cancel().catch(() => undefined);
      return judge(answer.status);
    } catch (error) {
      return { ok: false, final: false, error: this.#nameOf(error) };
    }
  }

  #nameOf(error: unknown): string {
    if (error instanceof Error && error.name === 'TimeoutError') return `no answer in ${this.#options.timeoutMsMax} ms`;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const text =
      cause instanceof Error ? cause.message || ((cause as NodeJS.ErrnoException).code ?? cause.name) : String(cause);
    return displayableLine(`not reached: ${text}`, ERROR_CHARS_MAX);
  }
}

const judge = (status: number): Attempt => {
  if (status >= 200 && status < 300) return { ok: true, status };
  if (status >= 300 && status < 400)
    return { ok: false, final: false, error: `answered ${status}; redirects are not followed` };
  if (status === GONE) return { ok: false, final: true, error: 'answered 410: it wants no more messages' };
  return { ok: false, final: false, error: `answered ${status}` };
};
