import { fileURLToPath } from 'node:url';

/** Everything the command line reads from its environment, read here once. */
export interface Settings {
  /** Root of this checkout. */
  readonly repository: string;
  /** Where all state lives: `CRUCIBLE_HOME`, by default `.crucible` in the checkout. */
  readonly home: string;
  readonly debug: boolean;
  /** Overrides by name, only those that were given; `up` remembers them. */
  readonly given: Readonly<Record<string, string>>;
  /** What detached processes inherit: where programs are, how the outside is reached. Nothing else leaks in. */
  readonly inherited: Readonly<Record<string, string>>;
}

/** Variables that `up` remembers, so that a later verb need not be given them again. An empty value forgets. */
export const rememberedNames = [
  'CRUCIBLE_PORT',
  'CRUCIBLE_BIND',
  'CRUCIBLE_ALLOWED_HOSTS',
  'CRUCIBLE_TRUSTED_PROXIES',
  'DOCKER_HOST',
  'CRUCIBLE_NATS_URL',
  'CRUCIBLE_NATS_USER',
  'CRUCIBLE_NATS_PASSWORD',
  'CRUCIBLE_DATABASE_URL',
  'CRUCIBLE_LOG_LEVEL',
  'CRUCIBLE_SUITES_DIR',
  'CRUCIBLE_CONCURRENCY_MAX',
  'CRUCIBLE_EXECUTOR_CAPACITY',
  'CRUCIBLE_EVIDENCE_BYTES_MAX',
  'CRUCIBLE_POOL_IDLE_MAX',
  'CRUCIBLE_RULES_DIR',
  'CRUCIBLE_PROFILES_FILE',
  'CRUCIBLE_MODELS_FILE',
  'CRUCIBLE_APPROVALS_FILE',
  'CRUCIBLE_MODEL_TOKENS_PER_DAY_MAX',
  'CRUCIBLE_MODEL_USD_PER_DAY_MAX',
  'CRUCIBLE_MODEL_CALLS_PER_DAY_MAX',
  'CRUCIBLE_MODEL_MINUTES_PER_DAY_MAX',
  'CRUCIBLE_TEAM_MODEL_TOKENS_PER_DAY_MAX',
  'CRUCIBLE_TEAM_MODEL_USD_PER_DAY_MAX',
  'CRUCIBLE_TEAM_MODEL_CALLS_PER_DAY_MAX',
  'CRUCIBLE_TEAM_MODEL_MINUTES_PER_DAY_MAX',
  'CRUCIBLE_WEBHOOK_URL',
  'CRUCIBLE_WEBHOOK_SECRET',
  'CRUCIBLE_NATS_PORT',
  'CRUCIBLE_NATS_MONITOR_PORT',
  'CRUCIBLE_POSTGRES_PORT',
  'CRUCIBLE_AUDIT_PORT',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
] as const;
export type RememberedName = (typeof rememberedNames)[number];

const inheritedNames = [
  'PATH',
  'HOME',
  'USER',
  'LANG',
  'TZ',
  'TMPDIR',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
];

const repository = fileURLToPath(new URL('../../../', import.meta.url)).replace(/\/$/, '');

const pick = (env: NodeJS.ProcessEnv, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));

export const readSettings = (env: NodeJS.ProcessEnv = process.env): Settings => ({
  repository,
  home: env['CRUCIBLE_HOME'] || `${repository}/.crucible`,
  debug: Boolean(env['CRUCIBLE_DEBUG']),
  given: pick(env, rememberedNames),
  inherited: {
    ...pick(env, inheritedNames),
    PATH: `${env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`,
  },
});

/** Where keys of models are looked for, by the names that the file of models gives. Nothing else is read from it. */
export const keyEnvironment = (env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv => env;

/** Variables that are about tests. */
const testNames = ['CRUCIBLE_DEBUG', 'CRUCIBLE_TEST_DATA'];

/** The environment without our own variables: tests must not depend on how somebody runs a platform. */
export const withoutCrucible = (env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('CRUCIBLE_') || testNames.includes(name)));
