import { existsSync } from 'node:fs';
import { readSettings } from '../config.ts';
import { sleep } from './command.ts';
import { locateHome } from './home.ts';
import { keep, type Attempts } from './keeper.ts';
import { boundLogs, readSpec } from './process.ts';

const everyMs = 1_000;
const home = locateHome(readSettings().home);
const memory = new Map<string, Attempts>();
const log = (message: string): void => console.log(`${new Date().toISOString()} ${message}`);

// A home that was removed, or a keeper nobody wants, is a reason to go.
while (existsSync(home.run) && readSpec(home, 'keeper')) {
  try {
    await keep(home, memory, { nowMs: () => performance.now(), log });
    boundLogs(home);
  } catch (error) {
    log(`looking after the components failed: ${String(error)}`);
  }
  await sleep(everyMs);
}
