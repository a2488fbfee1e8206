import type { ModelEntry } from '../catalogue/catalogue.ts';
import { abortedFault, timeoutFault } from './faults.ts';
import type { Fault } from './retry.ts';
import type { WireFault, WireWatch } from './wire.ts';

/** Ends an attempt when its caller does, when it takes too long, and when nothing comes for too long. */
export class Watch implements WireWatch {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal;
  readonly #idleMsMax: number;
  readonly #total: NodeJS.Timeout;
  #idle: NodeJS.Timeout;
  /** Why the attempt is over, if it was ended from here; the first reason stays. */
  fault: Fault | undefined;

  constructor({ timeoutMs, idleMsMax }: ModelEntry['limits'], caller: AbortSignal) {
    this.#caller = caller;
    this.#idleMsMax = idleMsMax;
    this.#total = setTimeout(
      () => this.#end(timeoutFault(`the reply was not complete after ${timeoutMs} ms`, false)),
      timeoutMs,
    );
    this.#idle = this.#idleTimer();
    if (caller.aborted) this.#abort();
    else caller.addEventListener('abort', this.#abort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  readonly touch = (): void => {
    clearTimeout(this.#idle);
    if (this.fault === undefined) this.#idle = this.#idleTimer();
  };

  readonly fail = (wire: WireFault): void => this.#end(wire.fault);

  stop(): void {
    clearTimeout(this.#total);
    clearTimeout(this.#idle);
    this.#caller.removeEventListener('abort', this.#abort);
    // Whatever the SDK still reads is not needed any more.
    this.#controller.abort();
  }

  readonly #abort = (): void => this.#end(abortedFault);

  #idleTimer(): NodeJS.Timeout {
    const detail = `nothing came for ${this.#idleMsMax} ms`;
    return setTimeout(() => this.#end(timeoutFault(detail, true)), this.#idleMsMax);
  }

  #end(fault: Fault): void {
    this.fault ??= fault;
    this.#controller.abort();
  }
}
