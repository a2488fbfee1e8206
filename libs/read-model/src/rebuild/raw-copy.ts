import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { derivedTables } from '../tables.ts';
import { FreshTables } from './fresh-tables.ts';
import { Session } from './session.ts';

const RAW_SCHEMA = 'crucible_raw';

export interface RawCopy {
  readonly bytes: number;
  /** COPY into tables without indexes, then the indexes, until the disk has it. */
  readonly ms: number;
}

/**
 * How long bare COPY takes for the rows that are in the live tables now, into tables of the same shape with the same
 * indexes: what no way to build them can be quicker than. Leaves nothing behind.
 */
export const measureRawCopy = async (url: string): Promise<RawCopy> => {
  const session = await Session.open(url);
  const folder = await mkdtemp(join(tmpdir(), 'crucible-copy-'));
  const file = (table: string): string => join(folder, table);
  try {
    for (const table of derivedTables) await session.copyOut(table, createWriteStream(file(table)));
    const fresh = await FreshTables.make(session, RAW_SCHEMA);
    await session.run('truncate projection');
    const begin = performance.now();
    for (const table of derivedTables) await session.copyIn(table, createReadStream(file(table)));
    await fresh.finish();
    await session.run('set synchronous_commit = on');
    await session.run('create table done ()');
    const ms = performance.now() - begin;
    await fresh.drop();
    const sizes = await Promise.all(derivedTables.map(async (table) => (await stat(file(table))).size));
    return { ms, bytes: sizes.reduce((sum, size) => sum + size, 0) };
  } finally {
    await session.close();
    await rm(folder, { recursive: true, force: true });
  }
};
