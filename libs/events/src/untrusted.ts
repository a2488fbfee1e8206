declare const untrusted: unique symbol;

/** Text or bytes chosen by a sandbox or a model. It must pass `displayable` before a person sees it and never reaches a shell, HTML or a log line. */
export type Untrusted<T> = T & { readonly [untrusted]: true };

export const asUntrusted = <T>(value: T): Untrusted<T> => value as Untrusted<T>;

const C0_AND_C1 = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
/**
 * Marks that reorder or hide text around them ("Trojan Source", CVE-2021-42574), the line separators, and letters nobody
 * sees: soft hyphen, annotations, and the tag letters in which instructions to a model can be hidden.
 */
const BIDI_AND_INVISIBLE =
  /[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

const pictured = (char: string): string => {
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return '\u2421';
  const hex = code.toString(16).padStart(4, '0');
  return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex}`;
};

/** Hostile text made harmless for a terminal or a page: control characters become visible signs; tab and newline stay. */
export const displayable = (text: Untrusted<string> | string): string =>
  text.toWellFormed().replace(C0_AND_C1, pictured).replace(BIDI_AND_INVISIBLE, pictured);

/** The same on one line, cut to `charsMax`. */
export const displayableLine = (text: Untrusted<string> | string, charsMax: number): string => {
  const line = displayable(text.slice(0, charsMax * 2)).replace(/[\t\n]+/g, ' ');
  if (line.length <= charsMax) return line;
  // A cut through a surrogate pair would leave half a character, which no store and no terminal can write.
  return `${line.slice(0, charsMax - 1).replace(/[\ud800-\udbff]$/, '')}\u2026`;
};
