import { existsSync, readFileSync } from 'node:fs';
import { mustRun, run } from './command.ts';
import { PlatformFailure } from './failure.ts';
import { rootPrefix } from './privilege.ts';

/** What we know of this system's distribution, from os-release. */
export interface Distribution {
  readonly id: string;
  readonly codename: string | undefined;
  readonly usesApt: boolean;
  readonly title: string;
}

/** Values of an os-release file. */
export const parseOsRelease = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...text.matchAll(/^([A-Z_]+)=(?:"(.*)"|'(.*)'|(.*))$/gm)].map((match) => [
      match[1] ?? '',
      match[2] ?? match[3] ?? match[4] ?? '',
    ]),
  );

export const distribution = (): Distribution => {
  let values: Readonly<Record<string, string>> = {};
  try {
    values = parseOsRelease(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    // not a Linux with os-release
  }
  const family = `${values['ID'] ?? ''} ${values['ID_LIKE'] ?? ''}`.split(' ');
  return {
    id: values['ID'] ?? process.platform,
    codename: values['VERSION_CODENAME'] || undefined,
    usesApt: (family.includes('debian') || family.includes('ubuntu')) && existsSync('/usr/bin/apt-get'),
    title: values['PRETTY_NAME'] ?? process.platform,
  };
};

const apt = (prefix: readonly string[], ...argv: string[]): string[] => [
  ...prefix,
  'env',
  'DEBIAN_FRONTEND=noninteractive',
  'NEEDRESTART_MODE=l',
  'apt-get',
  '-qq',
  '-o',
  'DPkg::Lock::Timeout=120',
  ...argv,
];

let listsRefreshed: Promise<void> | undefined;

/** Brings apt's package lists up to date, once a process however many ask. */
export const refreshLists = (): Promise<void> => {
  listsRefreshed ??= (async () => {
    const prefix = await rootPrefix();
    if (prefix === undefined) return;
    // Some list of the user's may be unreachable: whether ours came is seen by the install that follows.
    await run(apt(prefix, 'update'), { timeoutMs: 300_000 });
  })();
  return listsRefreshed;
};

/** How a person installs what we may not. */
export const installRemedy = (packages: readonly string[]): string =>
  distribution().usesApt
    ? `run: sudo apt-get install --no-install-recommends ${packages.join(' ')}`
    : `install ${packages.join(', ')}; crucible installs it by itself only on Debian and Ubuntu`;

/**
 * Installs packages of the distribution, in one run, waiting for another apt to finish.
 * @throws PlatformFailure saying what to do where we may not or cannot.
 */
export const aptInstall = async (packages: readonly string[]): Promise<void> => {
  if (packages.length === 0) return;
  const prefix = await rootPrefix();
  const what = packages.join(', ');
  if (!distribution().usesApt || prefix === undefined) {
    throw new PlatformFailure(`${what} missing, and not ours to install here`, installRemedy(packages));
  }
  const install = apt(prefix, 'install', '--yes', '--no-install-recommends', ...packages);
  if ((await run(install, { timeoutMs: 900_000 })).code === 0) return;
  // Lists that are missing or old are the usual reason.
  await refreshLists();
  await mustRun(`installing ${what}`, install, { timeoutMs: 900_000 }, installRemedy(packages));
};
