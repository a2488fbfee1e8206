import { run } from './command.ts';

let known: Promise<readonly string[] | undefined> | undefined;

/** What to put before a command that needs root: nothing as root, `sudo -n` where that asks no password, else undefined. */
export const rootPrefix = (): Promise<readonly string[] | undefined> => {
  known ??= (async () => {
    if (process.getuid?.() === 0) return [];
    const sudo = await run(['sudo', '-n', 'true'], { timeoutMs: 10_000 });
    return sudo.code === 0 ? ['sudo', '-n'] : undefined;
  })();
  return known;
};
