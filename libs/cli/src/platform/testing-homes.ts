import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { takeDown } from './down.ts';
import { createHome, writeAtomically, type Home } from './home.ts';
import { formatIdentity, identityOf, isAlive, parseIdentity } from './process-identity.ts';
import { Steps } from './steps.ts';

const prefix = 'crucible-test-';
const ownerFile = 'owner';

/** Ends and removes all of a throw-away home. Nothing happens when it is gone already. */
export const discardHome = async (root: string): Promise<void> => {
  await takeDown(root, { purge: true, steps: new Steps({ display: 'silent', write: () => undefined }) });
  rmSync(root, { recursive: true, force: true });
};

const isAbandoned = (root: string): boolean => {
  try {
    const owner = parseIdentity(readFileSync(join(root, ownerFile), 'utf8'));
    return owner !== undefined && !isAlive(owner);
  } catch {
    // Being made, or being removed.
    return false;
  }
};

/** Servers of a test that was killed outlive it: whoever tests next ends them. */
const sweep = async (): Promise<void> => {
  const homes = readdirSync(tmpdir())
    .filter((name) => name.startsWith(prefix))
    .map((name) => join(tmpdir(), name));
  for (const root of homes.filter(isAbandoned)) await discardHome(root).catch(() => undefined);
};

let swept: Promise<void> | undefined;

/** A new home below the system's temporary folder. It belongs to this process, and does not outlive it for long. */
export const throwAwayHome = async (what: string): Promise<Home> => {
  swept ??= sweep();
  await swept;
  const home = createHome(mkdtempSync(join(tmpdir(), `${prefix}${what}-`)));
  writeAtomically(join(home.root, ownerFile), formatIdentity(identityOf(process.pid)!));
  return home;
};
