import { join } from 'node:path';
import { PlatformFailure } from './failure.ts';
import { secret, type Archive } from './home.ts';
import type { PlatformInfo } from './info.ts';
import {
  auditAccess,
  bringKeeper,
  bringNats,
  bringPostgres,
  bringService,
  healthPortsOf,
  installMissing,
  together,
  type Site,
} from './parts.ts';
import type { ServiceName, Wiring } from './services.ts';
import { gatewayPort, publicUrl } from './settings.ts';
import { ensureWeb } from './web.ts';

/** What an archive runs: what reads and shows. Nothing that could add to the log. */
export const archiveServices = ['gateway', 'audit'] as const satisfies readonly ServiceName[];

/**
 * Brings up a home that holds a copy of another platform's log.
 * @throws PlatformFailure also when the copy is not whole
 */
export const bringArchiveUp = async (site: Site, archive: Archive): Promise<PlatformInfo> => {
  const { home, settings, steps, remembered } = site;
  if (archive.status !== 'whole')
    throw new PlatformFailure(
      `an import into ${home.root} was interrupted: what it holds is a part of a log`,
      'remove it and import again: ./crucible down --purge, ./crucible audit import FILE --public-key K',
    );
  const bind = remembered.CRUCIBLE_BIND ?? '127.0.0.1';
  const port = await gatewayPort(home, remembered, bind);
  const healthPorts = await healthPortsOf(site, archiveServices);
  const audit = await auditAccess(site);
  const packages = installMissing(site, false);
  const web = steps.step('web', (note) => ensureWeb(settings.repository, note));
  const [nats, databaseUrl, webDir] = await together([
    packages.then(() => bringNats(site)),
    bringPostgres(site),
    web,
  ] as const);
  const token = secret(home, 'token');
  const tokenFile = join(home.secrets, 'token');
  const access = { nats, databaseUrl, tokenFile, webDir, bind, gatewayPort: port, healthPorts, audit };
  const wiring: Wiring = { settings, home, remembered, readOnly: true, ...access };
  await together(archiveServices.map((name) => bringService(site, name, wiring)));
  await bringKeeper(site);
  return {
    url: publicUrl(bind, port),
    token,
    tokenFile,
    home: home.root,
    natsUrl: nats.url,
    natsUser: nats.credentials.operator?.user,
    natsPassword: nats.credentials.operator?.password,
    databaseUrl,
    dockerSocket: '',
    runtime: '',
    unwatchedRuntime: '',
    traceSocket: undefined,
    engineKind: 'none',
    images: {},
    healthPorts,
    archive,
    steps: steps.records,
  };
};
