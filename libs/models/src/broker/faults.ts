import { displayableLine } from '@crucible/events';
import {
  AISDKError,
  APICallError,
  EmptyResponseBodyError,
  InvalidResponseDataError,
  JSONParseError,
  NoContentGeneratedError,
  TypeValidationError,
} from 'ai';
import { retryAfterOf } from './retry.ts';
import type { Fault } from './retry.ts';
import { WireFault } from './wire.ts';

const DETAIL_CHARS_MAX = 500;
const CAUSES_MAX = 8;

const fault = (failure: Fault['failure'], detail: string, more: Partial<Fault> = {}): Fault => ({
  failure,
  detail: displayableLine(detail, DETAIL_CHARS_MAX),
  retryable: failure === 'rate-limited' || failure === 'unavailable',
  retryAfterMs: null,
  overload: failure === 'rate-limited',
  ...more,
});

/** A stream that ended without its end. */
export const brokenStream = fault('unavailable', 'the reply broke off before it was complete');

/** An error and what it says it was caused by. */
const chainOf = (error: unknown): unknown[] => {
  const chain: unknown[] = [];
  for (let at = error; at !== undefined && at !== null && chain.length < CAUSES_MAX;)
    at = (chain.push(at), (at as { cause?: unknown }).cause);
  return chain;
};

const codeOf = (error: unknown): string | undefined => {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
};

/** Words of providers that say an account has nothing left: no wait mends that. */
const SPENT = /insufficient_quota|billing_hard_limit|billing_error|credit balance/i;
/** Statuses of 4xx that speak of now and not of the request. */
const PASSING = [408, 409, 425];
const OVERLOADED = [503, 529];

const ofStatus = (status: number, detail: string, more: Partial<Fault>, said: string): Fault => {
  const told = `status ${status}: ${detail}`;
  if (status === 429 && SPENT.test(said)) return fault('rejected', told, more);
  if (status === 429) return fault('rate-limited', told, more);
  if (status >= 500) return fault('unavailable', told, { ...more, overload: OVERLOADED.includes(status) });
  if (PASSING.includes(status)) return fault('unavailable', told, more);
  return fault('rejected', told, more);
};

const ofApiCall = (error: APICallError): Fault => {
  const { statusCode, responseHeaders = {}, responseBody = '', message } = error;
  if (statusCode === undefined) return fault('unavailable', message);
  if (statusCode >= 400)
    return ofStatus(
      statusCode,
      message,
      { retryAfterMs: retryAfterOf(responseHeaders, Date.now()) },
      `${message} ${responseBody}`,
    );
  const broken = chainOf(error.cause).find((cause) => codeOf(cause) !== undefined || cause instanceof TypeError);
  if (broken !== undefined) return fault('unavailable', 'the connection broke before the reply was complete');
  return fault('malformed', message);
};

interface StreamError {
  readonly message: string;
  readonly type: string;
  readonly code: string;
  readonly statusCode: number | undefined;
}

const word = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');

/** What a provider tells in the middle of a stream: no error of JavaScript's, but words as they came. */
const streamErrorOf = (told: unknown): StreamError | undefined => {
  if (typeof told !== 'object' || told === null || told instanceof Error) return undefined;
  const { error } = told as { error?: unknown };
  const { message, type, code, statusCode } = (typeof error === 'object' && error !== null ? error : told) as Readonly<
    Record<string, unknown>
  >;
  if (typeof message !== 'string') return undefined;
  const status = typeof statusCode === 'number' ? statusCode : Number(code);
  return {
    message,
    type: word(type),
    code: word(code),
    statusCode: Number.isInteger(status) && status >= 400 && status < 600 ? status : undefined,
  };
};

const ofStreamError = ({ message, type, code, statusCode }: StreamError): Fault => {
  const said = `${message} ${type} ${code}`;
  if (statusCode !== undefined) return ofStatus(statusCode, message, {}, said);
  if (/rate.?limit/i.test(said)) return fault('rate-limited', message);
  if (/server|overload|internal|unavailable|timeout/i.test(said))
    return fault('unavailable', message, { overload: /overload/i.test(said) });
  return fault('rejected', message);
};

/** How one provider's adapter says that it could not read the first event. */
const UNREADABLE_START = /normalized .* stream error/;
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What a provider, the SDK or the network says, once, in our own words. */
export const faultOf = (error: unknown): Fault => {
  const chain = chainOf(error);
  const wire = chain.find((each) => each instanceof WireFault);
  if (wire !== undefined) return wire.fault;
  const api = chain.find((each) => APICallError.isInstance(each));
  if (api !== undefined) return ofApiCall(api);
  const stream = streamErrorOf(error);
  if (stream !== undefined) return ofStreamError(stream);
  if (chain.some((each) => EmptyResponseBodyError.isInstance(each)))
    return fault('unavailable', 'the reply ended before it began');
  const garbled = chain.find((each) => JSONParseError.isInstance(each) || TypeValidationError.isInstance(each));
  // What they say holds all of what could not be understood.
  if (garbled !== undefined)
    return fault(
      'malformed',
      JSONParseError.isInstance(garbled) ? 'the reply is not JSON' : 'the reply has a wrong shape',
    );
  // One provider tells the lack of an end as data that is wrong.
  if (chain.some((each) => InvalidResponseDataError.isInstance(each) && /without a finish reason/.test(each.message)))
    return brokenStream;
  if (chain.some((each) => InvalidResponseDataError.isInstance(each) || NoContentGeneratedError.isInstance(each)))
    return fault('malformed', messageOf(error));
  const code = chain.map(codeOf).find((each) => each !== undefined);
  if (code !== undefined || error instanceof TypeError)
    return fault('unavailable', `the provider cannot be reached${code === undefined ? '' : ` (${code})`}`);
  // The SDK refuses what it cannot send, such as a tool's answer without its call; anything else came up with the reply.
  if (AISDKError.isInstance(error)) return fault('rejected', messageOf(error));
  return fault(
    'malformed',
    UNREADABLE_START.test(messageOf(error)) ? 'the reply begins with what is no event of it' : messageOf(error),
  );
};

export const abortedFault = fault('aborted', 'the caller ended it');
export const timeoutFault = (detail: string, retryable: boolean): Fault => fault('timeout', detail, { retryable });
export const faultFrom = fault;
