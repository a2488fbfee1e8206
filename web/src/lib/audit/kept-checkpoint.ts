/** The newest checkpoint that this browser has found right, and the key it was found right with. */
export interface KeptCheckpoint {
  readonly key: string;
  readonly note: string;
}

const name = 'crucible.verified-checkpoint';

/** Null where there is none, or storage is denied. */
export const readKept = (): KeptCheckpoint | null => {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(name) ?? 'null');
    if (typeof value !== 'object' || value === null || !('key' in value) || !('note' in value)) return null;
    const { key, note } = value;
    return typeof key === 'string' && typeof note === 'string' ? { key, note } : null;
  } catch {
    return null;
  }
};

export const keep = (kept: KeptCheckpoint): void => {
  try {
    localStorage.setItem(name, JSON.stringify(kept));
  } catch {
    // Storage may be denied: then the next verification has nothing older to compare with.
  }
};

export const forget = (): void => {
  try {
    localStorage.removeItem(name);
  } catch {
    // As above.
  }
};
