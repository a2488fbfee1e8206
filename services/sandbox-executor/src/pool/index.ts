export { openPool } from './open-pool.ts';
export { SandboxPool } from './pool.ts';
export type { PoolBounds, PoolOrigin, PoolPorts, TakenSandbox } from './port.ts';
export { PoolClosed, PoolHeld } from './refusals.ts';
export { SandboxHealth } from './sandbox-health.ts';
