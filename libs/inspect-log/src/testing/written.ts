import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogSource } from '../source.ts';
import { inspectLog } from '../write.ts';
import type { LogFormat } from '../write.ts';
import { logShape } from './published-shape.ts';
import type { Log } from './published-shape.ts';

/** A log as it would be written to a file. @throws when something is left behind in the folder it was given */
export const written = async (format: LogFormat, source: LogSource): Promise<Buffer> => {
  const folder = mkdtempSync(join(tmpdir(), 'crucible-inspect-'));
  try {
    const pieces: Buffer[] = [];
    for await (const piece of inspectLog(format, source, { folder })) pieces.push(Buffer.from(piece));
    const left = readdirSync(folder);
    if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
    return Buffer.concat(pieces);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** The plain log, held to the published shape. */
export const writtenLog = async (source: LogSource): Promise<Log> =>
  logShape.parse(JSON.parse((await written('json', source)).toString('utf8')));
