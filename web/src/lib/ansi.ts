/** What SGR codes may change; everything else a terminal would obey is dropped. Colours are indices 0 to 15. */
export interface Style {
  readonly bold: boolean;
  readonly dim: boolean;
  readonly italic: boolean;
  readonly underline: boolean;
  readonly colour: number | null;
}

export interface Span {
  readonly text: string;
  readonly style: Style;
}

export const plain: Style = { bold: false, dim: false, italic: false, underline: false, colour: null };

/** CSI, OSC and other string sequences, two-byte escapes, in this order. A sequence cut off at the end does not match. */
const sequence =
  /\u001b\[([0-?]*)[ -/]*([@-~])|\u001b[\]PX^_][^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)|\u001b[ -/]*[0-OQ-WYZ`-~\\]/g;
const unfinished = /\u001b(?:\[[0-?]*[ -/]*|[\]PX^_][^\u0007\u001b\u009c]*\u001b?|[ -/]*)$/;
/** A sequence longer than this is not finished but hostile: shown as text. */
const sequenceCharsMax = 4_096;

const withCode = (style: Style, code: number): Style => {
  if (code === 0) return plain;
  if (code === 1) return { ...style, bold: true };
  if (code === 2) return { ...style, dim: true };
  if (code === 3) return { ...style, italic: true };
  if (code === 4) return { ...style, underline: true };
  if (code === 22) return { ...style, bold: false, dim: false };
  if (code === 23) return { ...style, italic: false };
  if (code === 24) return { ...style, underline: false };
  if (code >= 30 && code <= 37) return { ...style, colour: code - 30 };
  if (code >= 90 && code <= 97) return { ...style, colour: code - 90 + 8 };
  if (code === 39) return { ...style, colour: null };
  return style;
};

const withCodes = (style: Style, parameters: string): Style => {
  const codes = parameters.split(/[;:]/).map((code) => (code === '' ? 0 : Number(code)));
  let result = style;
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index] ?? 0;
    if (code === 38 || code === 48) {
      // Extended colours take two or four parameters more; only the first sixteen have a class of ours.
      const isIndexed = codes[index + 1] === 5;
      const colour = codes[index + 2] ?? 16;
      if (code === 38 && isIndexed && colour < 16) result = { ...result, colour };
      index += isIndexed ? 2 : 4;
    } else if (Number.isInteger(code)) result = withCode(result, code);
  }
  return result;
};

/** Reads text with escape sequences piece by piece: a sequence cut in two by a chunk's end is put together again. */
export class AnsiReader {
  #style: Style = plain;
  #held = '';

  push(piece: string): Span[] {
    const text = this.#held + piece;
    const tail = unfinished.exec(text);
    const isHeld = tail !== null && tail[0].length <= sequenceCharsMax;
    const ready = isHeld ? text.slice(0, tail.index) : text;
    this.#held = isHeld ? tail[0] : '';
    const spans: Span[] = [];
    let from = 0;
    const take = (to: number): void => {
      if (to > from) spans.push({ text: ready.slice(from, to), style: this.#style });
    };
    for (const match of ready.matchAll(sequence)) {
      take(match.index);
      from = match.index + match[0].length;
      if (match[2] === 'm' && match[1] !== undefined) this.#style = withCodes(this.#style, match[1]);
    }
    take(ready.length);
    return spans;
  }

  /** What was held back when no more will come, as text. */
  end(): Span[] {
    const text = this.#held;
    this.#held = '';
    return text === '' ? [] : [{ text, style: this.#style }];
  }
}

/** Class names of a style, all from a fixed set. */
export const classesOf = (style: Style): string => {
  if (style === plain) return '';
  const names: string[] = [];
  if (style.bold) names.push('sgr-bold');
  if (style.dim) names.push('sgr-dim');
  if (style.italic) names.push('sgr-italic');
  if (style.underline) names.push('sgr-underline');
  if (style.colour !== null) names.push(`sgr-${style.colour}`);
  return names.join(' ');
};
