export { callArgumentsIn as argumentsIn } from '@crucible/events';

export type Arguments =
  | { readonly kind: 'loading' }
  /** `isProven`: their SHA-256 is the one that the request names; null where this browser cannot tell. */
  | { readonly kind: 'exact'; readonly text: string; readonly isProven: boolean | null }
  /** Only the beginning, as the event has it. */
  | { readonly kind: 'excerpt'; readonly text: string };

const hexOf = (bytes: ArrayBuffer): string =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Browsers hash only on pages that came over a safe line. */
export const provenBy = async (text: string, digest: string): Promise<boolean | null> => {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  if (subtle === undefined) return null;
  return hexOf(await subtle.digest('SHA-256', new TextEncoder().encode(text))) === digest;
};

/** The same JSON over several lines, for reading and editing. What is none stays as it is. */
export const laidOut = (text: string): string => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
};

/** Arguments by name, where they are an object of few: a command is read better without the escapes of JSON. */
export const namedIn = (text: string): (readonly [name: string, value: string])[] | null => {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    const pairs = Object.entries(value);
    if (pairs.length === 0 || pairs.length > 12) return null;
    return pairs.map(
      ([name, each]) => [name, typeof each === 'string' ? each : JSON.stringify(each, null, 2)] as const,
    );
  } catch {
    return null;
  }
};

/** What is wrong with arguments that a person wrote; null when nothing is. */
export const problemOf = (text: string): string | null => {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return null;
    return 'must be a JSON object: the arguments to run in place of the model’s';
  } catch (error) {
    return `must be JSON: ${error instanceof Error ? error.message : 'it cannot be read'}`;
  }
};
