import type { Platform } from '@crucible/api';
import { getPlatform } from '../api.ts';

const refreshMs = 30_000;

/** What the platform can do now: its executors. Asked for every half minute while a page shows it. */
class PlatformStore {
  current = $state.raw<Platform | null>(null);
  #watchers = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  watch(): () => void {
    this.#watchers += 1;
    if (this.#watchers === 1) {
      void this.#refresh();
      this.#timer = setInterval(() => void this.#refresh(), refreshMs);
    }
    return () => {
      this.#watchers -= 1;
      if (this.#watchers === 0) clearInterval(this.#timer);
    };
  }

  async #refresh(): Promise<void> {
    if (document.visibilityState === 'hidden') return;
    // A missing answer says nothing about executors; the connection's pill speaks of the gateway.
    this.current = await getPlatform().catch(() => this.current);
  }
}

export const platform = new PlatformStore();
