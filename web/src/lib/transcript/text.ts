import { displayable } from '@crucible/events';
import { AnsiReader, classesOf } from '../ansi.ts';
import type { OutputSpan } from '../output-buffer.ts';

export interface TextSpan extends OutputSpan {
  /** It is what somebody looks for. */
  readonly isFound: boolean;
}

const spansMax = 2_000;

/** Where a text is among others, whatever its letters' case. */
const placesOf = (text: string, wanted: string): number[] => {
  const places: number[] = [];
  const lower = text.toLowerCase();
  // In few languages a letter's small form has another length: then nothing is marked rather than the wrong thing.
  if (wanted === '' || lower.length !== text.length) return places;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, at + wanted.length)) places.push(at);
  return places;
};

const split = ({ text, classes }: OutputSpan, wanted: string): TextSpan[] => {
  const spans: TextSpan[] = [];
  let from = 0;
  for (const at of placesOf(text, wanted)) {
    if (at > from) spans.push({ text: text.slice(from, at), classes, isFound: false });
    spans.push({ text: text.slice(at, at + wanted.length), classes, isFound: true });
    from = at + wanted.length;
  }
  if (from < text.length) spans.push({ text: text.slice(from), classes, isFound: false });
  return spans;
};

/**
 * Hostile text as runs that are safe as text nodes: escape sequences give their colours and nothing else, what would hide or
 * reorder text becomes a visible sign. @param wanted what is looked for, in small letters
 */
export const spansOf = (text: string, wanted = ''): TextSpan[] => {
  const reader = new AnsiReader();
  const read = [...reader.push(text.replaceAll('\r\n', '\n')), ...reader.end()];
  const spans = read.flatMap((span) => split({ text: displayable(span.text), classes: classesOf(span.style) }, wanted));
  if (spans.length <= spansMax) return spans;
  // A text of nothing but colours would make a page of nothing but nodes: the rest goes without them.
  const rest = spans.slice(spansMax).map((span) => span.text);
  return [...spans.slice(0, spansMax), { text: rest.join(''), classes: '', isFound: false }];
};

export const linesOf = (text: string): number => {
  let lines = 1;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
};
