import type { NewEvent } from '@crucible/events';

/** What a command comes to: one event, or a refusal with a name that callers can act on. */
export type Decision<R extends string = string> =
  { readonly accepted: true; readonly event: NewEvent } | { readonly accepted: false; readonly refusal: R };

export const accept = (event: NewEvent): { readonly accepted: true; readonly event: NewEvent } => ({
  accepted: true,
  event,
});
export const refuse = <R extends string>(refusal: R): { readonly accepted: false; readonly refusal: R } => ({
  accepted: false,
  refusal,
});

/** Makes a forgotten case a compile error. */
export const unreachable = (value: never): never => {
  throw new Error(`unhandled case: ${JSON.stringify(value)}`);
};
