import { readFileSync } from 'node:fs';
import { availableParallelism, freemem } from 'node:os';

/** What the pool must leave alone. */
export interface Machine {
  readonly cores: number;
  /** Memory that could be had without taking it from anybody. */
  availableBytes(): number;
}

export const thisMachine: Machine = {
  cores: availableParallelism(),
  availableBytes: () => {
    try {
      const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
      return kibibytes === undefined ? freemem() : Number(kibibytes) * 1_024;
    } catch {
      return freemem();
    }
  },
};
