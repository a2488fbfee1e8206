import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyEnvironment } from '../config.ts';
import type { Settings } from '../config.ts';
import { bringArchiveUp } from './archive.ts';
import { ensureOwnEngine, findForeignEngine, proveIsolation, requireOwnEnginePossible, type Engine } from './engine.ts';
import { ensureRunsc, type Gvisor } from './gvisor.ts';
import { createHome, locateHome, readState, secret, writeAtomically } from './home.ts';
import { buildRootfs, ensureImage, readRecipe, wasImported, type Recipe } from './image.ts';
import { readInfo, writeInfo, type PlatformInfo } from './info.ts';
import { withLock } from './lock.ts';
import { modelKeys } from './models-file.ts';
import {
  bringKeeper,
  bringNats,
  bringPostgres,
  bringService,
  auditAccess,
  healthPortsOf,
  installMissing,
  together,
  type EnsureOptions,
  type Site,
} from './parts.ts';
import { runningProcess } from './process.ts';
import { serviceNames, type Wiring } from './services.ts';
import { gatewayPort, currentSettings, publicUrl, rememberSettings } from './settings.ts';
import { Steps } from './steps.ts';
import { ensureWeb } from './web.ts';

export type { PlatformInfo } from './info.ts';
export type { EnsureOptions } from './parts.ts';

const bringRunsc = async (site: Site, foreign: Engine | undefined): Promise<Gvisor | undefined> =>
  foreign
    ? undefined
    : site.steps.step('gvisor', async (note) => {
        const found = await ensureRunsc(site.home, site.path);
        note(`runsc ${found.version} (${found.platform})`);
        return found;
      });

const bringRootfs = async (site: Site, recipe: Recipe): Promise<void> => {
  if (wasImported(site.home, recipe)) return;
  await site.steps.step('image files', async (note) => {
    await buildRootfs(site.home, recipe);
    note('root file system from the packages of this machine');
  });
};

const bringEngine = async (
  site: Site,
  foreign: Engine | undefined,
  packages: Promise<void>,
  runsc: Promise<Gvisor | undefined>,
): Promise<Engine> => {
  const [, gvisor] = await together([packages, runsc]);
  return site.steps.step('engine', async (note) => {
    if (foreign || !gvisor) {
      note(`yours: ${foreign?.description ?? ''}`);
      return foreign!;
    }
    const engine = await ensureOwnEngine(site.home, { repository: site.settings.repository, gvisor, path: site.path });
    note(`${engine.started ? 'started' : 'running'}, ${engine.description}`);
    return engine;
  });
};

const bringImage = async (
  site: Site,
  recipe: Recipe,
  engine: Promise<Engine>,
  rootfs: Promise<unknown>,
): Promise<void> => {
  const [ready] = await together([engine, rootfs]);
  const imported = await site.steps.step('image', async (note) => {
    const fresh = await ensureImage(site.home, ready.socket, recipe);
    note(`${recipe.reference}${fresh ? ', imported' : ''}`);
    return fresh;
  });
  const proof = join(site.home.cache, 'isolation-proven');
  const about = JSON.stringify([
    ready.description,
    ready.unwatchedRuntime,
    recipe.reference,
    runningProcess(site.home, 'engine'),
  ]);
  const proven = existsSync(proof) && readFileSync(proof, 'utf8') === about;
  if (proven && !imported && ready.kind === 'own') return;
  await site.steps.step('isolation', async (note) => {
    await proveIsolation(ready, recipe.reference, site.home.hash);
    note('a sandbox sees the kernel of gVisor');
  });
  writeAtomically(proof, about);
};

const bringUp = async (site: Site): Promise<PlatformInfo> => {
  const { home, settings, steps, remembered } = site;
  const bind = remembered.CRUCIBLE_BIND ?? '127.0.0.1';
  const port = await gatewayPort(home, remembered, bind);
  const recipe = readRecipe(settings.repository, 'python');
  const foreign = await findForeignEngine(home, remembered.DOCKER_HOST);
  if (!foreign) await requireOwnEnginePossible();

  const healthPorts = await healthPortsOf(site);
  const audit = await auditAccess(site);

  // Everything that does not wait for something else is under way at once; nothing is awaited before the end, so that no
  // failure goes unseen.
  const packages = installMissing(site, !foreign);
  const web = steps.step('web', (note) => ensureWeb(settings.repository, note));
  const engine = bringEngine(site, foreign, packages, bringRunsc(site, foreign));
  const image = bringImage(site, recipe, engine, bringRootfs(site, recipe));
  const storage = together([packages.then(() => bringNats(site)), bringPostgres(site), web]);
  const token = secret(home, 'token');
  const tokenFile = join(home.secrets, 'token');
  const images = { python: recipe.reference };
  const wiring = storage.then(([nats, databaseUrl, webDir]): Wiring => {
    const ports = { gatewayPort: port, healthPorts, audit };
    return { settings, home, remembered, nats, databaseUrl, tokenFile, webDir, bind, ...ports };
  });
  const others = serviceNames.filter((name) => name !== 'sandbox-executor');
  const [{ nats, databaseUrl }, theEngine] = await together([
    wiring,
    engine,
    ...others.map((name) => wiring.then((known) => bringService(site, name, known))),
    // The executor waits for the proof that its sandboxes are what they should be.
    together([wiring, engine, image, modelKeys(home, remembered, keyEnvironment())]).then(([known, ready, , keys]) =>
      bringService(site, 'sandbox-executor', { ...known, sandboxes: { engine: ready, images }, modelKeys: keys }),
    ),
  ] as const);
  await bringKeeper(site);
  const operator = nats.credentials.operator;
  return {
    url: publicUrl(bind, port),
    token,
    tokenFile,
    home: home.root,
    natsUrl: nats.url,
    natsUser: operator?.user,
    natsPassword: operator?.password,
    databaseUrl,
    dockerSocket: theEngine.socket,
    runtime: theEngine.runtime,
    unwatchedRuntime: theEngine.unwatchedRuntime,
    traceSocket: theEngine.traceSocket,
    engineKind: theEngine.kind,
    images,
    healthPorts,
    steps: steps.records,
  };
};

/**
 * Brings up whatever is not up and returns how to reach it. On a platform that is up, nothing is changed.
 * @throws PlatformFailure when some part cannot be had or started; what did start is kept for the next try.
 */
export const ensurePlatform = async (options: EnsureOptions): Promise<PlatformInfo> => {
  const { settings } = options;
  const home = createHome(settings.home);
  const steps = options.steps ?? new Steps({ display: 'silent', write: () => undefined });
  return withLock(home, async () => {
    const remembered = currentSettings(home, settings.given);
    const site: Site = { settings, home, steps, remembered, path: settings.inherited['PATH'] ?? '' };
    const { archive } = readState(home);
    const info = archive === undefined ? await bringUp(site) : await bringArchiveUp(site, archive);
    rememberSettings(home, remembered);
    writeInfo(home, info);
    return info;
  });
};

/** The platform of this home if it is up (its gateway runs), else undefined. Starts nothing. */
export const currentPlatform = (settings: Settings): PlatformInfo | undefined => {
  const home = locateHome(settings.home);
  return runningProcess(home, 'gateway') ? readInfo(home) : undefined;
};
