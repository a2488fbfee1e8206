export { openPool } from './open-pool.ts';
export {
  PoolClosed,
  SandboxPool,
  type PoolBounds,
  type PoolOrigin,
  type PoolPorts,
  type TakenSandbox,
} from './pool.ts';
export { SandboxHealth } from './sandbox-health.ts';
