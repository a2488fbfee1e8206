import { strict } from '@crucible/domain';
import type { Config } from '../config.ts';
import { thisMachine } from './machine.ts';
import type { PoolPorts } from './port.ts';
import { SandboxPool } from './pool.ts';
import { SandboxHealth } from './sandbox-health.ts';
import type { OnHealthChange } from './sandbox-health.ts';

const MIB = 1_048_576;
/** Left to running trials and to everybody else on the machine. */
const AVAILABLE_BYTES_MIN = 1_024 * MIB;
/** What waits may take this share of the machine's memory at most, at so much each. */
const IDLE_SHARE = 0.1;
const IDLE_BYTES = 60 * MIB;
/** Making sandboxes is bound by CPU time: more at once than four a core only makes each slower. */
const PREPARING_PER_CORE = 4;
/** Beyond these a burst is met no sooner: a machine makes new ones about as fast as it can run them. */
const IDLE_PER_CORE = 8;
const PROBE_EVERY_MS = 3_000;

type PoolConfig = Pick<
  Config,
  'CRUCIBLE_EXECUTOR_CAPACITY' | 'CRUCIBLE_POOL_IDLE_MAX' | 'CRUCIBLE_POOL_IDLE_MS_MAX' | 'CRUCIBLE_SANDBOX_IMAGES'
>;

/** As many as can be taken at once, as far as the machine's cores and memory go. */
const idleMaxOf = (config: PoolConfig): number =>
  config.CRUCIBLE_POOL_IDLE_MAX ??
  Math.min(
    config.CRUCIBLE_EXECUTOR_CAPACITY,
    thisMachine.cores * IDLE_PER_CORE,
    Math.floor((thisMachine.availableBytes() * IDLE_SHARE) / IDLE_BYTES),
  );

/**
 * The executor's pool and its health, which rest on each other: the first sandbox, of the kind that most suites ask for, is
 * made at once, and until it is proven the executor is not ready.
 */
export const openPool = (
  { onChange, ...ports }: Pick<PoolPorts, 'engine' | 'watch'> & { readonly onChange: OnHealthChange },
  config: PoolConfig,
): { readonly pool: SandboxPool; readonly health: SandboxHealth } => {
  const [image = ''] = Object.values(config.CRUCIBLE_SANDBOX_IMAGES);
  const usual = { image, profile: strict, limits: strict.default };
  const probe = (): Promise<void> => pool.probe(usual);
  const health = new SandboxHealth({ probeEveryMs: PROBE_EVERY_MS, onChange, probe });
  const pool = new SandboxPool(
    { ...ports, health, machine: thisMachine, now: () => Date.now() },
    {
      idleMax: idleMaxOf(config),
      idleMsMax: config.CRUCIBLE_POOL_IDLE_MS_MAX,
      preparingMax: thisMachine.cores * PREPARING_PER_CORE,
      availableBytesMin: AVAILABLE_BYTES_MIN,
    },
  );
  pool.keep(usual, 1);
  health.begin();
  return { pool, health };
};
