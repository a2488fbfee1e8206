import type { Logged } from '../logged.ts';
import type { LogSource } from '../rebuild/rebuild.ts';

const BATCH_MAX = 97;

/** A log that is a list, which may grow while it is read. */
export const sourceOf = (log: readonly Logged[], batchMax = BATCH_MAX): LogSource => ({
  head: () => Promise.resolve(log.at(-1)?.position ?? 0),
  async *read(from, to) {
    const last = Math.min(to, log.length);
    for (let at = from - 1; at < last; at += batchMax) {
      yield log.slice(at, Math.min(last, at + batchMax));
      await new Promise((resolve) => setImmediate(resolve));
    }
  },
});
