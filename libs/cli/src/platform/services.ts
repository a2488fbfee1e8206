import { existsSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { RememberedName, Settings } from '../config.ts';
import { waitFor } from './command.ts';
import type { Engine } from './engine.ts';
import { PlatformFailure } from './failure.ts';
import { secret, secretPath, type Home } from './home.ts';
import { modelsFile } from './models-file.ts';
import type { NatsAccess } from './nats.ts';
import { ensureProcess, logTail, runningProcess, type ProcessSpec } from './process.ts';
import { readinessOf, type Readiness } from './readiness.ts';

export const serviceNames = ['gateway', 'scheduler', 'sandbox-executor', 'audit', 'notifier'] as const;
export type ServiceName = (typeof serviceNames)[number];

/** What services are told. */
export interface Wiring {
  readonly settings: Settings;
  readonly home: Home;
  readonly remembered: Readonly<Partial<Record<RememberedName, string>>>;
  readonly nats: NatsAccess;
  readonly databaseUrl: string;
  /** Where sandboxes run: for the executor only, so that the others need not wait for the engine. */
  readonly sandboxes?: { readonly engine: Engine; readonly images: Readonly<Record<string, string>> };
  /** An archive's services read and show, and append nothing. */
  readonly readOnly?: boolean;
  /** Keys of models, by the variables in which they are: for the executor only, which alone calls models. */
  readonly modelKeys?: Readonly<Record<string, string>>;
  readonly tokenFile: string;
  readonly webDir: string;
  readonly bind: string;
  readonly gatewayPort: number;
  readonly healthPorts: Readonly<Record<Exclude<ServiceName, 'gateway'>, number>>;
  /** Where the audit service answers the gateway, and the token that the gateway shows it. */
  readonly audit: { readonly port: number; readonly tokenFile: string };
}

const megabyte = 1024 * 1024;
const trialMemoryMegabytes = 512;

/** Trials at once on a machine: four a core (most of a trial is waiting), as far as memory goes, at least two. */
export const capacityOf = (cores: number, memoryBytes: number): number =>
  Math.max(2, Math.min(cores * 4, Math.floor(memoryBytes / megabyte / trialMemoryMegabytes / 2)));

/** Names the executor of a home; its containers carry it as their label `crucible.executor`. */
export const executorId = (home: Home): string => `local-${home.hash}`;

const defined = (env: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(Object.entries(env).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));

/** Made at first use: a platform that has one keeps it, so that canaries of earlier trials stay known. */
const canaryKeyFile = (home: Home): string => {
  secret(home, 'canary-key');
  return secretPath(home, 'canary-key');
};

/** The operator's profiles: the file that was named, which must then be there, or the one in the home if it is. */
/** A file of the operator's: the one that was named, or the one in the home if it is there. */
const ownFile = (named: string | undefined, home: Home, name: string): string | undefined => {
  const usual = join(home.root, name);
  return named ?? (existsSync(usual) ? usual : undefined);
};
const profilesFile = ({ remembered, home }: Wiring): string | undefined =>
  ownFile(remembered.CRUCIBLE_PROFILES_FILE, home, 'profiles.yaml');

const ownPart = (name: ServiceName, wiring: Wiring): Record<string, string | undefined> => {
  const { remembered, settings, sandboxes } = wiring;
  const capacity = remembered.CRUCIBLE_EXECUTOR_CAPACITY ?? String(capacityOf(availableParallelism(), totalmem()));
  switch (name) {
    case 'gateway':
      return {
        CRUCIBLE_DATABASE_URL: wiring.databaseUrl,
        CRUCIBLE_PORT: String(wiring.gatewayPort),
        CRUCIBLE_BIND: wiring.bind,
        CRUCIBLE_TOKEN_FILE: wiring.tokenFile,
        CRUCIBLE_WEB_DIR: wiring.webDir,
        CRUCIBLE_PROFILES_FILE: profilesFile(wiring),
        CRUCIBLE_SUITES_DIR: remembered.CRUCIBLE_SUITES_DIR ?? join(settings.repository, 'suites'),
        CRUCIBLE_ALLOWED_HOSTS: remembered.CRUCIBLE_ALLOWED_HOSTS,
        CRUCIBLE_TRUSTED_PROXIES: remembered.CRUCIBLE_TRUSTED_PROXIES,
        CRUCIBLE_AUDIT_URL: `http://127.0.0.1:${wiring.audit.port}`,
        CRUCIBLE_AUDIT_TOKEN_FILE: wiring.audit.tokenFile,
      };
    case 'scheduler':
      return { CRUCIBLE_CONCURRENCY_MAX: remembered.CRUCIBLE_CONCURRENCY_MAX ?? capacity };
    case 'sandbox-executor':
      return {
        // First: no key is worth a setting of ours.
        ...wiring.modelKeys,
        CRUCIBLE_DOCKER_SOCKET: sandboxes?.engine.socket,
        CRUCIBLE_SANDBOX_RUNTIME: sandboxes?.engine.runtime,
        CRUCIBLE_SANDBOX_IMAGES: JSON.stringify(sandboxes?.images ?? {}),
        CRUCIBLE_TRACE_SOCKET: sandboxes?.engine.traceSocket,
        CRUCIBLE_ENGINE_ROOT: sandboxes?.engine.root,
        CRUCIBLE_EXECUTOR_ID: executorId(wiring.home),
        CRUCIBLE_EXECUTOR_CAPACITY: capacity,
        CRUCIBLE_EVIDENCE_BYTES_MAX: remembered.CRUCIBLE_EVIDENCE_BYTES_MAX,
        CRUCIBLE_POOL_IDLE_MAX: remembered.CRUCIBLE_POOL_IDLE_MAX,
        CRUCIBLE_PROFILES_FILE: profilesFile(wiring),
        CRUCIBLE_MODELS_FILE: modelsFile(wiring.home, remembered) ?? undefined,
        CRUCIBLE_APPROVALS_FILE: ownFile(remembered.CRUCIBLE_APPROVALS_FILE, wiring.home, 'approvals.yaml'),
        CRUCIBLE_MODEL_TOKENS_PER_DAY_MAX: remembered.CRUCIBLE_MODEL_TOKENS_PER_DAY_MAX,
        CRUCIBLE_MODEL_USD_PER_DAY_MAX: remembered.CRUCIBLE_MODEL_USD_PER_DAY_MAX,
        CRUCIBLE_MODEL_CALLS_PER_DAY_MAX: remembered.CRUCIBLE_MODEL_CALLS_PER_DAY_MAX,
        CRUCIBLE_MODEL_MINUTES_PER_DAY_MAX: remembered.CRUCIBLE_MODEL_MINUTES_PER_DAY_MAX,
        CRUCIBLE_TEAM_MODEL_TOKENS_PER_DAY_MAX: remembered.CRUCIBLE_TEAM_MODEL_TOKENS_PER_DAY_MAX,
        CRUCIBLE_TEAM_MODEL_USD_PER_DAY_MAX: remembered.CRUCIBLE_TEAM_MODEL_USD_PER_DAY_MAX,
        CRUCIBLE_TEAM_MODEL_CALLS_PER_DAY_MAX: remembered.CRUCIBLE_TEAM_MODEL_CALLS_PER_DAY_MAX,
        CRUCIBLE_TEAM_MODEL_MINUTES_PER_DAY_MAX: remembered.CRUCIBLE_TEAM_MODEL_MINUTES_PER_DAY_MAX,
        CRUCIBLE_RULES_DIR: remembered.CRUCIBLE_RULES_DIR ?? join(wiring.home.root, 'rules'),
        CRUCIBLE_CANARY_KEY_FILE: canaryKeyFile(wiring.home),
      };
    case 'notifier':
      return {
        CRUCIBLE_WEBHOOK_URL: remembered.CRUCIBLE_WEBHOOK_URL,
        CRUCIBLE_WEBHOOK_SECRET: remembered.CRUCIBLE_WEBHOOK_SECRET,
      };
    case 'audit':
      return {
        CRUCIBLE_AUDIT_PORT: String(wiring.audit.port),
        CRUCIBLE_AUDIT_TOKEN_FILE: wiring.audit.tokenFile,
      };
  }
};

const environment = (name: ServiceName, wiring: Wiring): Record<string, string> => {
  const access = wiring.nats.credentials[name];
  return defined({
    NODE_ENV: 'production',
    // Compiled code is kept from one start to the next: a fifth of the time to be ready.
    NODE_COMPILE_CACHE: join(wiring.settings.repository, 'node_modules/.cache/crucible-compile'),
    CRUCIBLE_HOME: wiring.home.root,
    CRUCIBLE_NATS_URL: wiring.nats.url,
    CRUCIBLE_NATS_USER: access?.user,
    CRUCIBLE_NATS_PASSWORD: access?.password,
    CRUCIBLE_HEALTH_PORT: name === 'gateway' ? undefined : String(wiring.healthPorts[name]),
    CRUCIBLE_LOG_LEVEL: wiring.remembered.CRUCIBLE_LOG_LEVEL ?? 'info',
    CRUCIBLE_READ_ONLY: wiring.readOnly ? 'true' : undefined,
    OTEL_EXPORTER_OTLP_ENDPOINT: wiring.remembered.OTEL_EXPORTER_OTLP_ENDPOINT,
    ...ownPart(name, wiring),
  });
};

/** How to run a TypeScript entry point of this checkout with the Node we run on. */
export const nodeArgv = (repository: string, entry: string, flags: readonly string[] = []): string[] => [
  process.execPath,
  ...flags,
  '--conditions=crucible-source',
  '--enable-source-maps',
  '--import',
  pathToFileURL(join(repository, 'libs/source-loader/register.mjs')).href,
  join(repository, entry),
];

/** MiB: what an event leaves behind is dead before the space is full, and costs nothing to collect then. */
const serviceFlags = ['--min-semi-space-size=16'];

const serviceSpec = (name: ServiceName, wiring: Wiring): ProcessSpec => ({
  name,
  argv: nodeArgv(wiring.settings.repository, `services/${name}/src/main.ts`, serviceFlags),
  env: environment(name, wiring),
  inherited: wiring.settings.inherited,
  cwd: wiring.settings.repository,
  stopSignal: 'SIGTERM',
  stopWaitMs: 15_000,
});

/** An address a client on this machine can use for what listens on `bind`. */
export const reachableHost = (bind: string): string => {
  if (bind === '0.0.0.0' || bind === '') return '127.0.0.1';
  if (bind === '::') return '[::1]';
  return bind.includes(':') ? `[${bind}]` : bind;
};

/** Address a service answers its health questions at. */
export const healthUrl = (
  name: ServiceName,
  ports: { gatewayPort: number; bind: string; healthPorts: Wiring['healthPorts'] },
): string =>
  name === 'gateway'
    ? `http://${reachableHost(ports.bind)}:${ports.gatewayPort}`
    : `http://127.0.0.1:${ports.healthPorts[name]}`;

export const isReady = async (url: string, timeoutMs = 1_000): Promise<boolean> =>
  (await readinessOf(url, timeoutMs)).ready;

/** A service that gets no further for so long will not get ready, nor one that takes longer than the second. */
const STALLED_MS = 60_000;
const READY_MS_MAX = 3_600_000;
/** As our logger numbers them: said once, by what then ends. */
const LEVEL_FATAL = 60;

const unheard: Readiness = { ready: false, reason: undefined, lasting: false };
/** Whether the same is said with other numbers: reading a long log takes its time. */
const getsOn = (before: string | undefined, after: string | undefined): boolean => {
  const words = (text: string | undefined): string | undefined => text?.replace(/\d+/g, '#');
  return after !== undefined && after !== before && words(after) === words(before);
};
const reasonOf = (readiness: Readiness): string | undefined => (readiness.ready ? undefined : readiness.reason);

/** The end of a service's log; what it said last before it gave up, in words, where that is all there is to know. */
const lastWords = (home: Home, name: ServiceName): string => {
  const tail = logTail(home, name);
  try {
    const { level, msg, err } = JSON.parse(tail.split('\n').at(-1) ?? '') as {
      level: number;
      msg: string;
      err?: unknown;
    };
    return level >= LEVEL_FATAL && err === undefined ? msg : tail;
  } catch {
    return tail;
  }
};

/**
 * Makes one service run and waits until it says it is ready.
 * @throws PlatformFailure with its reason or the end of its log when it ends, is not ready in 60 s, or never will be
 */
export const ensureService = async (name: ServiceName, wiring: Wiring): Promise<{ started: boolean }> => {
  const { home } = wiring;
  if (!existsSync(join(wiring.settings.repository, `services/${name}/src/main.ts`))) {
    throw new PlatformFailure(`this checkout has no service ${name}`, 'get a complete checkout');
  }
  const { started } = await ensureProcess(home, serviceSpec(name, wiring));
  const url = healthUrl(name, wiring);
  const seen: { last: Readiness; since: number } = { last: unheard, since: Date.now() };
  const ended = await waitFor(async () => {
    if (!runningProcess(home, name)) return true;
    const before = reasonOf(seen.last);
    seen.last = await readinessOf(url);
    if (seen.last.ready || seen.last.lasting) return false;
    if (getsOn(before, reasonOf(seen.last))) seen.since = Date.now();
    return Date.now() - seen.since > STALLED_MS ? false : undefined;
  }, READY_MS_MAX);
  const { last } = seen;
  if (last.ready) return { started };
  const stalled = `is not ready after ${STALLED_MS / 1_000} s`;
  const what = ended ? 'ended as it started' : last.lasting ? 'is not well' : stalled;
  const why = reasonOf(last) ?? `\n${lastWords(home, name)}`;
  throw new PlatformFailure(`${name} ${what}: ${why}`, `see ./crucible logs ${name}`);
};
