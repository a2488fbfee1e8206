/** The pool is closed: nothing is wrong with sandboxes, there are just no more. */
export class PoolClosed extends Error {
  override readonly name = 'PoolClosed';
  constructor() {
    super('the executor is shutting down');
  }
}

/** Everything is stopped: no trial gets a sandbox until it is released. */
export class PoolHeld extends Error {
  override readonly name = 'PoolHeld';
  constructor() {
    super('an emergency stop of the platform is in force');
  }
}
