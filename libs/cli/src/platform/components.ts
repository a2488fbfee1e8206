import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from '../config.ts';
import { engineInfo } from './engine-api.ts';
import { archiveServices } from './archive.ts';
import { locateHome, readState, type Home } from './home.ts';
import { natsHealthy, serverInfo } from './nats.ts';
import type { PlatformInfo } from './platform.ts';
import { postgresAnswers } from './postgres.ts';
import { readSpec, runningProcess } from './process.ts';
import { uptimeMsOf } from './process-identity.ts';
import { healthUrl, isReady, serviceNames, type ServiceName } from './services.ts';

/** How one component is. `down`: not wanted and not there; `dead`: wanted but not there. */
export interface ComponentStatus {
  readonly name: string;
  readonly state: 'ready' | 'not-ready' | 'dead' | 'down';
  readonly pid: number | undefined;
  readonly port: number | undefined;
  readonly uptimeMs: number | undefined;
  /** Who runs it when it is not us. */
  readonly foreign?: true;
}

const ownStatus = async (
  home: Home,
  name: string,
  port: number | undefined,
  healthy: () => Promise<boolean>,
): Promise<ComponentStatus> => {
  const identity = runningProcess(home, name);
  if (!identity) {
    const state = readSpec(home, name) ? 'dead' : 'down';
    return { name, state, pid: undefined, port, uptimeMs: undefined };
  }
  const state = (await healthy()) ? 'ready' : 'not-ready';
  return { name, state, pid: identity.pid, port, uptimeMs: uptimeMsOf(identity) };
};

const foreignStatus = async (
  name: string,
  port: number | undefined,
  healthy: () => Promise<boolean>,
): Promise<ComponentStatus> => ({
  name,
  state: (await healthy()) ? 'ready' : 'not-ready',
  pid: undefined,
  port,
  uptimeMs: undefined,
  foreign: true,
});

const engineSocket = (home: Home, info: PlatformInfo | undefined): string =>
  info?.dockerSocket ?? join(home.engine, 'run', 'docker.sock');

/** Looks at every component of a home. Changes nothing. */
export const componentStatuses = async (
  settings: Settings,
  info: PlatformInfo | undefined,
): Promise<ComponentStatus[]> => {
  const home = locateHome(settings.home);
  const { ports, settings: remembered, archive } = readState(home);
  const bind = remembered['CRUCIBLE_BIND'] ?? '127.0.0.1';
  const natsPort = ports['nats'];
  const natsUrl = remembered['CRUCIBLE_NATS_URL'];
  const database = remembered['CRUCIBLE_DATABASE_URL'];
  const socket = engineSocket(home, info);
  const engineAnswers = async (): Promise<boolean> => existsSync(socket) && (await engineInfo(socket)) !== undefined;
  const engineStatus = (): Promise<ComponentStatus> =>
    info?.engineKind === 'foreign'
      ? foreignStatus('engine', undefined, engineAnswers)
      : ownStatus(home, 'engine', undefined, engineAnswers);
  const serviceStatus = (name: ServiceName): Promise<ComponentStatus> => {
    const port = ports[name];
    const url = healthUrl(name, { gatewayPort: port ?? 0, bind, healthPorts: ports as never });
    return ownStatus(home, name, port, () => isReady(url));
  };
  return Promise.all([
    natsUrl
      ? foreignStatus(
          'nats',
          Number(new URL(natsUrl).port || 4222),
          async () =>
            (await serverInfo(new URL(natsUrl).hostname, Number(new URL(natsUrl).port || 4222))) !== undefined,
        )
      : ownStatus(home, 'nats', natsPort, () => natsHealthy(ports['nats-monitor'] ?? 0)),
    database
      ? foreignStatus('postgres', Number(new URL(database).port || 5432), () =>
          postgresAnswers(new URL(database).hostname, Number(new URL(database).port || 5432)),
        )
      : ownStatus(home, 'postgres', ports['postgres'], () => postgresAnswers('127.0.0.1', ports['postgres'] ?? 0)),
    ...(archive === undefined ? [engineStatus()] : []),
    ...(archive === undefined ? serviceNames : archiveServices).map(serviceStatus),
    ownStatus(home, 'keeper', undefined, async () => true),
  ]);
};
