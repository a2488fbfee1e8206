import type { Finding } from '@crucible/domain';
import { displayableLine } from '@crucible/events';
import type { Hit } from './rules.ts';

export const FINDINGS_KEPT_MAX = 64;
const TEXT_CHARS_MAX = 160;

/** Collects what the rules found, each thing once with its count. A guest that varies its acts cannot make it grow. */
export class Findings {
  #omitted = 0;
  readonly #found = new Map<string, { -readonly [K in keyof Finding]: Finding[K] }>();

  /** @returns whether this is the first time the finding was seen. */
  add(hit: Hit, atNs: number): boolean {
    const text = displayableLine(hit.text, TEXT_CHARS_MAX);
    const key = `${hit.effect} ${hit.rule} ${text}`;
    const known = this.#found.get(key);
    if (known) {
      known.count += 1;
      return false;
    }
    // A breach is never left out for being the last of many: it takes the place of a lesser finding.
    if (this.#found.size >= FINDINGS_KEPT_MAX && !(hit.effect === 'outside' && this.#dropOne())) {
      this.#omitted += 1;
      return false;
    }
    this.#found.set(key, { ...hit, text, count: 1, firstNs: atNs });
    return true;
  }

  get omitted(): number {
    return this.#omitted;
  }

  list(): Finding[] {
    return [...this.#found.values()].map((finding) => ({ ...finding }));
  }

  #dropOne(): boolean {
    for (const [key, { effect, count }] of this.#found) {
      if (effect !== 'none') continue;
      this.#found.delete(key);
      this.#omitted += count;
      return true;
    }
    return false;
  }
}
