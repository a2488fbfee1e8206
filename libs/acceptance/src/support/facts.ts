import { inject } from 'vitest';

/** The platform that all specs share, as the global setup hands it to them. */
export interface PlatformFacts {
  /** Address of the UI and API, without a slash at its end. */
  readonly url: string;
  readonly token: string;
  readonly home: string;
  readonly port: number;
  readonly natsUrl: string;
  readonly natsUser: string;
  readonly natsPassword: string;
  readonly dockerSocket: string;
  /** What the platform was told, and must keep to. */
  readonly concurrencyMax: number;
  /** Where the receiver of webhooks shows what it got. */
  readonly receiverUrl: string;
  /** Where the models `wire/slow`, `wire/grader` and `wire/priced` are looked for; a spec that asks them serves them there. */
  readonly modelPort: number;
  readonly webhookSecret: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    platform: PlatformFacts | { readonly failure: string };
  }
}

/** @throws Error that says why the platform could not be brought up */
export const platform = (): PlatformFacts => {
  const facts = inject('platform');
  if ('failure' in facts) throw new Error(`there is no platform to test: ${facts.failure}`);
  return facts;
};
