import type { Settings } from '../config.ts';
import { findProgram } from './command.ts';
import { secret, secretPath, type Home } from './home.ts';
import { ensureNats, foreignNats, type NatsAccess } from './nats.ts';
import { aptInstall } from './packages.ts';
import { ensurePostgres, foreignPostgres } from './postgres.ts';
import { ensureProcess } from './process.ts';
import { ensureService, nodeArgv, serviceNames, type ServiceName, type Wiring } from './services.ts';
import { componentPort, type Remembered } from './settings.ts';
import type { Steps } from './steps.ts';

export interface EnsureOptions {
  readonly settings: Settings;
  readonly steps?: Steps;
}

/** One bring-up under way. */
export interface Site extends EnsureOptions {
  readonly home: Home;
  readonly steps: Steps;
  readonly remembered: Remembered;
  readonly path: string;
}

/** Waits for all, then fails with the first failure: nothing is left running behind an error message. */
export const together = async <T extends readonly unknown[]>(
  parts: readonly [...{ [K in keyof T]: Promise<T[K]> }],
): Promise<T> => {
  await Promise.allSettled(parts);
  return (await Promise.all(parts)) as unknown as T;
};

export const installMissing = async (site: Site, engineWanted: boolean): Promise<void> => {
  const missing = [
    ...(!site.remembered.CRUCIBLE_NATS_URL && !findProgram('nats-server', site.path) ? ['nats-server'] : []),
    ...(engineWanted && !findProgram('dockerd', site.path) ? ['docker.io'] : []),
  ];
  if (missing.length === 0) return;
  await site.steps.step('packages', async (note) => {
    note(`installing ${missing.join(', ')}`);
    await aptInstall(missing);
    note(`installed ${missing.join(', ')}`);
  });
};

export const bringNats = async (site: Site): Promise<NatsAccess> =>
  site.steps.step('nats', async (note) => {
    const { home, remembered } = site;
    const given = remembered.CRUCIBLE_NATS_URL;
    if (given !== undefined) {
      note(`yours at ${URL.canParse(given) ? new URL(given).host : 'CRUCIBLE_NATS_URL'}`);
      return foreignNats(given, remembered.CRUCIBLE_NATS_USER, remembered.CRUCIBLE_NATS_PASSWORD);
    }
    const client = await componentPort(home, remembered, {
      key: 'nats',
      variable: 'CRUCIBLE_NATS_PORT',
      process: 'nats',
    });
    const monitor = await componentPort(home, remembered, {
      key: 'nats-monitor',
      variable: 'CRUCIBLE_NATS_MONITOR_PORT',
      process: 'nats',
    });
    const access = await ensureNats(home, findProgram('nats-server', site.path) ?? 'nats-server', { client, monitor });
    note(`${access.started ? 'started' : 'running'}, port ${client}`);
    return access;
  });

export const bringPostgres = async (site: Site): Promise<string> =>
  site.steps.step('postgres', async (note) => {
    const { home, remembered } = site;
    if (remembered.CRUCIBLE_DATABASE_URL !== undefined) {
      note('yours, at CRUCIBLE_DATABASE_URL');
      return foreignPostgres(remembered.CRUCIBLE_DATABASE_URL);
    }
    const port = await componentPort(home, remembered, {
      key: 'postgres',
      variable: 'CRUCIBLE_POSTGRES_PORT',
      process: 'postgres',
    });
    const { url, started } = await ensurePostgres(home, port);
    note(`${started ? 'started' : 'running'}, port ${port}`);
    return url;
  });

export const bringService = (site: Site, name: ServiceName, wiring: Wiring): Promise<void> =>
  site.steps.step(name, async (note) => {
    const { started } = await ensureService(name, wiring);
    const port = name === 'gateway' ? wiring.gatewayPort : wiring.healthPorts[name];
    note(`${started ? 'started' : 'running'}, port ${port}`);
  });

export const bringKeeper = async (site: Site): Promise<void> => {
  await ensureProcess(site.home, {
    name: 'keeper',
    argv: nodeArgv(site.settings.repository, 'libs/cli/src/platform/keeper-main.ts'),
    env: { CRUCIBLE_HOME: site.home.root },
    inherited: site.settings.inherited,
    cwd: site.settings.repository,
    stopSignal: 'SIGTERM',
    stopWaitMs: 5_000,
  });
};

export const healthPortsOf = async (
  site: Site,
  names: readonly ServiceName[] = serviceNames,
): Promise<Wiring['healthPorts']> => {
  const ports: Record<string, number> = {};
  for (const name of names.filter((each) => each !== 'gateway')) {
    ports[name] = await componentPort(site.home, site.remembered, { key: name, process: name });
  }
  return ports as Wiring['healthPorts'];
};

/** The audit service's port for the gateway, beside its port for health, and the token between the two. */
export const auditAccess = async ({ home, remembered }: Site): Promise<Wiring['audit']> => {
  secret(home, 'audit-token');
  const want = { key: 'audit-http', variable: 'CRUCIBLE_AUDIT_PORT', process: 'audit' } as const;
  return { port: await componentPort(home, remembered, want), tokenFile: secretPath(home, 'audit-token') };
};
