import { deadLetterListSchema, deadLetterSchema, redriveAcceptedSchema } from '@crucible/api';
import type { DeadLetter, DeadLetterList } from '@crucible/api';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from './api-client.ts';
import type { Access } from './api-client.ts';
import { failed, misuse } from './failure.ts';

const ROOT = '/api/v1/dead-letters';
const LIST_MAX = 500;
const SETTLED_MS_MAX = 60_000;
const LOOK_MS = 100;
const PREFIX = /^[0-9a-f][0-9a-f-]{3,35}$/;

export interface DeadLetterFilter {
  readonly status?: string | undefined;
  readonly consumer?: string | undefined;
  readonly limit?: number | undefined;
}

export const listDeadLetters = (client: ApiClient, filter: DeadLetterFilter = {}): Promise<DeadLetterList> =>
  client.get(ROOT, deadLetterListSchema, { ...filter });

export const getDeadLetter = (client: ApiClient, id: string): Promise<DeadLetter> =>
  client.get(`${ROOT}/${id}`, deadLetterSchema);

/** How many are open, at most 500; null when the platform does not say. */
export const openDeadLetters = async (access: Access): Promise<number | null> => {
  try {
    return (await listDeadLetters(new ApiClient(access), { status: 'open', limit: LIST_MAX })).items.length;
  } catch {
    return null;
  }
};

/** The number in words: beyond 500 nobody counts. */
export const openText = (open: number): string =>
  `${open === LIST_MAX ? `${LIST_MAX} or more dead letters are` : open === 1 ? '1 dead letter is' : `${open} dead letters are`} open`;

/** How much of an id lists show. It is a hash, so eight digits tell thousands apart. */
export const shortLetterId = (id: string): string => id.slice(0, 8);

/**
 * The dead letter that a person means by an id or the beginning of one.
 * @throws UsageFailure when there is none, or more than one among the newest 500
 */
export const findDeadLetter = async (client: ApiClient, given: string): Promise<DeadLetter> => {
  const prefix = given.trim().toLowerCase();
  if (!PREFIX.test(prefix))
    throw misuse(
      'that is no id of a dead letter: give an id or at least its first 4 characters',
      './crucible dead-letters shows them',
    );
  if (prefix.length === 36) return getDeadLetter(client, prefix);
  const { items } = await listDeadLetters(client, { limit: LIST_MAX });
  const found = items.filter(({ id }) => id.startsWith(prefix));
  const [only] = found;
  if (only === undefined)
    throw misuse(`no dead letter's id begins with ${prefix}`, './crucible dead-letters shows them');
  if (found.length === 1) return only;
  throw misuse(`${found.length} ids begin with ${prefix}`, 'give more characters');
};

/** What became of one that was handled once more. */
export interface Redriven {
  readonly id: string;
  readonly consumer: string;
  readonly position: number;
  readonly outcome: 'handled' | 'failed';
  /** Why it failed; empty when it was handled. */
  readonly detail: string;
}

/**
 * Asks for a dead letter to be handled once more and waits until its service has said what became of it.
 * @throws Error when it has not in a minute: the request stays in the log and is answered when the service is back
 */
export const redrive = async (client: ApiClient, letter: DeadLetter): Promise<Redriven> => {
  const { id, consumer, position } = letter;
  await client.post(`${ROOT}/${id}/redrive`, {}, redriveAcceptedSchema);
  for (const deadline = Date.now() + SETTLED_MS_MAX; Date.now() < deadline; await sleep(LOOK_MS)) {
    const now = await getDeadLetter(client, id);
    // Before the request is in the read model it looks as it did.
    if (now.redrives <= letter.redrives || now.status === 'redriving') continue;
    const handled = now.status === 'handled';
    return { id, consumer, position, outcome: handled ? 'handled' : 'failed', detail: handled ? '' : now.detail };
  }
  throw failed(
    `${consumer} has not said in ${SETTLED_MS_MAX / 1_000} s what became of it`,
    'it is asked in the log and will be answered: ./crucible dead-letters show says so then, ./crucible status who is up',
  );
};
