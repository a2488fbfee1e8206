import { startPostgres } from '@crucible/cli/testing';

/** A throw-away Postgres for the specs that need one, unless the environment names another. */
export const setup = async (): Promise<(() => Promise<void>) | undefined> => {
  if (process.env['CRUCIBLE_TEST_DATABASE_URL'] !== undefined) return undefined;
  const { url, stop } = await startPostgres();
  process.env['CRUCIBLE_TEST_DATABASE_URL'] = url;
  return stop;
};
