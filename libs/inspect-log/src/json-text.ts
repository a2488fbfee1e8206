/** Deeper than this, readers of the log give up on all of it: Python's recursion, and the bounds of parsers written in Rust. */
export const jsonDepthMax = 100;

/**
 * An escaped backslash, or the escape of a lone surrogate: `JSON.stringify` writes no other escape that begins with `\ud`.
 * The first is matched so that the second is never found in the middle of it.
 */
const LONE_SURROGATE = /\\\\|\\ud[89a-f][0-9a-f]{2}/g;

/** JSON that every strict reader takes: half a character, which a model can print and UTF-8 cannot, becomes U+FFFD. */
export const jsonText = (value: unknown): string => {
  const text = JSON.stringify(value);
  return text.includes('\\ud') ? text.replace(LONE_SURROGATE, (found) => (found === '\\\\' ? found : '\\ufffd')) : text;
};

/** Whether a value nests no deeper than readers go. Goes down no further than that itself. */
export const isShallow = (value: unknown, depthMax = jsonDepthMax): boolean => {
  if (typeof value !== 'object' || value === null) return true;
  if (depthMax === 0) return false;
  return Object.values(value).every((each) => isShallow(each, depthMax - 1));
};
