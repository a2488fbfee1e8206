import { isDatabaseAway } from '@crucible/read-model';

const SQLSTATE = /^[0-9A-Z]{5}$/;
/** Of Postgres' classes of errors, those that tell of the data: data exceptions, broken constraints, limits of a program. */
const OF_THE_DATA = /^(22|23|54)/;

/**
 * True for failures of the database that no event can be blamed for: it is away, full, being migrated, in a deadlock. What is
 * waited out must not be put aside event by event.
 */
export const isDatabasesFault = (error: unknown): boolean => {
  if (isDatabaseAway(error)) return true;
  const { code } = (error ?? {}) as { code?: unknown };
  return error instanceof Error && typeof code === 'string' && SQLSTATE.test(code) && !OF_THE_DATA.test(code);
};
