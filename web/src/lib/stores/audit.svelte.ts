import { openCheckpoint, parseVerifierKey, toHex } from '@crucible/transparency';
import { getAuditStatus, getCheckpoint, getKey } from '../audit/audit-api.ts';
import type { AuditStatus } from '../audit/audit-api.ts';
import { listEvents } from '../api.ts';
import { statusOf } from '../problem.ts';

const refreshMs = 5_000;

/** A signed checkpoint as a page shows it. */
export interface ShownCheckpoint {
  readonly note: string;
  readonly origin: string;
  readonly size: number;
  /** In hex. */
  readonly root: string;
  /** Time of the last event under it; null where that is not known. */
  readonly coversTo: string | null;
}

/** How the log stands: its newest checkpoint and the key that signs it. Asked for again while a page shows it. */
export class AuditStore {
  checkpoint = $state.raw<ShownCheckpoint | null>(null);
  /** Why the newest checkpoint cannot be believed, by the platform's own key. */
  distrust = $state<string | null>(null);
  key = $state<string | null>(null);
  health = $state.raw<AuditStatus | null>(null);
  status = $state<'loading' | 'ready' | 'empty' | 'failed'>('loading');
  error = $state.raw<unknown>(null);

  watch(): () => void {
    void this.refresh();
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') void this.refresh();
    }, refreshMs);
    return () => clearInterval(timer);
  }

  async refresh(): Promise<void> {
    try {
      const [key, health] = await Promise.all([this.key ?? getKey(), getAuditStatus()]);
      this.key = key;
      this.health = health;
      const note = await getCheckpoint();
      if (note !== this.checkpoint?.note) await this.#open(note, key);
      this.status = 'ready';
      this.error = null;
    } catch (error) {
      this.error = error;
      this.status = statusOf(error) === 404 && this.key !== null ? 'empty' : 'failed';
    }
  }

  async #open(note: string, key: string): Promise<void> {
    const verifier = parseVerifierKey(key);
    const opened = verifier === undefined ? undefined : openCheckpoint(note, verifier);
    if (opened?.ok !== true) {
      this.distrust = opened === undefined ? 'the platform’s key is none' : opened.reason;
      return;
    }
    this.distrust = null;
    const { origin, size, root } = opened.checkpoint;
    const last = await listEvents({ after: size - 1, before: size + 1, limit: 1 }).catch(() => null);
    this.checkpoint = { note, origin, size, root: toHex(root), coversTo: last?.items[0]?.time ?? null };
  }
}
