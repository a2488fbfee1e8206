import { problemSchema } from '@crucible/api';
import type { Problem } from '@crucible/api';
import type { z } from 'zod';
import { PlatformFailure } from '../platform/failure.ts';
import { failed, misuse } from './failure.ts';

/** Where the platform is and what opens it. */
export interface Access {
  /** Base address of the gateway, such as `http://127.0.0.1:4700`. */
  readonly url: string;
  readonly token: string;
}

const ANSWER_MS_MAX = 30_000;
const SUBMIT_MS_MAX = 120_000;

/** The platform answered, and the answer was no. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly problem: Problem;

  constructor(status: number, problem: Problem) {
    const fields = (problem.errors ?? []).slice(0, 20).map(({ pointer, detail }) => `\n  ${pointer || '/'}: ${detail}`);
    super(`${problem.detail ?? problem.title}${fields.join('')}`);
    this.status = status;
    this.problem = problem;
  }
}

/** No answer: nobody listens, or the connection ended. Asking again may help. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

const causeOf = (error: unknown): string => {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (cause instanceof Error && 'code' in cause) return String(cause.code);
  return cause instanceof Error ? cause.message : String(cause);
};

const refusalOf = async (response: Response): Promise<Refusal> => {
  const text = await response.text().catch(() => '');
  try {
    return new Refusal(response.status, problemSchema.parse(JSON.parse(text)));
  } catch {
    const title = `the platform answered ${response.status} ${response.statusText}`.trim();
    return new Refusal(response.status, { type: 'about:blank', title, status: response.status });
  }
};

type Query = Readonly<Record<string, string | number | undefined>>;

/** Speaks to the gateway. Every method throws `Refusal` (the platform said no) or `Unreachable` (it said nothing). */
export class ApiClient {
  readonly access: Access;

  constructor(access: Access) {
    this.access = access;
  }

  /** The absolute address of a path of the platform. */
  address(path: string, query: Query = {}): URL {
    const url = new URL(path, this.access.url);
    for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, String(value));
    return url;
  }

  /** @param signal ends the waiting for an answer; that is told as `Unreachable` */
  async get<S extends z.ZodType>(
    path: string,
    schema: S,
    query: Query = {},
    signal?: AbortSignal,
  ): Promise<z.output<S>> {
    const init = signal === undefined ? {} : { signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS_MAX)]) };
    return schema.parse(await (await this.#send('GET', this.address(path, query), ANSWER_MS_MAX, init)).json());
  }

  /** @param signal ends the waiting for an answer; that is told as `Unreachable` */
  async post<S extends z.ZodType>(
    path: string,
    body: unknown,
    schema: S,
    headers: Readonly<Record<string, string>> = {},
    signal?: AbortSignal,
  ): Promise<z.output<S>> {
    const sent = {
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(body ?? {}),
      ...(signal === undefined ? {} : { signal }),
    };
    return schema.parse(await (await this.#send('POST', this.address(path), SUBMIT_MS_MAX, sent)).json());
  }

  /** Opens an event stream; it stays open until `signal` or the other side ends it. */
  async stream(path: string, lastEventId: string | undefined, signal: AbortSignal): Promise<Response> {
    const headers = {
      accept: 'text/event-stream',
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    };
    return this.#send('GET', this.address(path), undefined, { headers, signal });
  }

  /** Opens a download of any length, to be read as it comes; `signal` ends it. */
  async download(path: string, query: Query, signal: AbortSignal): Promise<Response> {
    return this.#send('GET', this.address(path, query), undefined, { headers: { accept: '*/*' }, signal });
  }

  /** A small answer that is text. */
  async text(path: string): Promise<string> {
    const headers = { accept: 'text/plain' };
    return (await this.#send('GET', this.address(path), ANSWER_MS_MAX, { headers })).text();
  }

  async #send(method: string, url: URL, msMax: number | undefined, init: RequestInit = {}): Promise<Response> {
    const headers = { accept: 'application/json', ...(init.headers as Record<string, string>) };
    const signal = init.signal ?? (msMax === undefined ? null : AbortSignal.timeout(msMax));
    try {
      const response = await fetch(url, {
        ...init,
        method,
        signal,
        redirect: 'error',
        headers: { ...headers, authorization: `Bearer ${this.access.token}` },
      });
      if (response.ok) return response;
      throw await refusalOf(response);
    } catch (error) {
      if (error instanceof Refusal) throw error;
      throw new Unreachable(`no answer from ${this.access.url} (${causeOf(error)})`, { cause: error });
    }
  }
}

const NOT_UP = './crucible status shows what is up, ./crucible up starts it';
const OTHER_HOME = 'CRUCIBLE_HOME must be the home of the platform that answers on this port: see ./crucible status';
/** Refusals of what was asked, as against those of the moment. */
const MISUSE = new Set([400, 404, 413, 422]);
const MISUSE_TYPES = new Set(['urn:crucible:problem:beyond-the-log']);

/** A client's failure as a verb's failure, so that every verb says the same about the same trouble. */
export const explained = (error: unknown): unknown => {
  if (error instanceof Unreachable) return new PlatformFailure(error.message, NOT_UP, { cause: error });
  if (!(error instanceof Refusal)) return error;
  if (error.status === 401) return misuse('the platform did not accept the token', OTHER_HOME);
  const isMisuse = MISUSE.has(error.status) || MISUSE_TYPES.has(error.problem.type);
  return isMisuse ? misuse(error.message) : failed(error.message, undefined, error);
};
