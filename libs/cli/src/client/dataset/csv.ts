/** Why a text is no table, and where. */
export class CsvFault extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

export interface CsvRow {
  /** Where it begins, from 1: a field in quotes may go over several lines. */
  readonly line: number;
  readonly fields: readonly string[];
}

/**
 * Reads comma-separated values (RFC 4180): quotes around fields, doubled inside them; lines end with LF or CRLF.
 * @throws CsvFault
 */
export const csvRows = function* (text: string): Generator<CsvRow> {
  let at = text.startsWith('\ufeff') ? 1 : 0;
  let line = 1;
  while (at < text.length) {
    const begin = line;
    const fields: string[] = [];
    for (;;) {
      const field = text[at] === '"' ? quotedField(text, at, line) : plainField(text, at);
      fields.push(field.text);
      line += field.lines;
      at = field.end;
      if (text[at] !== ',') break;
      at += 1;
    }
    if (text[at] === '\r' && text[at + 1] === '\n') at += 1;
    if (at < text.length && text[at] !== '\n') throw new CsvFault(line, 'has text behind a field in quotes');
    at += 1;
    line += 1;
    if (fields.length > 1 || fields[0] !== '') yield { line: begin, fields };
  }
};

interface Field {
  readonly text: string;
  /** Where what is behind it begins. */
  readonly end: number;
  readonly lines: number;
}

const PLAIN_END = /,|\r?\n/g;

const plainField = (text: string, at: number): Field => {
  PLAIN_END.lastIndex = at;
  const end = PLAIN_END.exec(text)?.index ?? text.length;
  return { text: text.slice(at, end), end, lines: 0 };
};

const quotedField = (text: string, at: number, line: number): Field => {
  let close = at + 1;
  for (;;) {
    close = text.indexOf('"', close);
    if (close < 0) throw new CsvFault(line, 'begins a field in quotes that does not end');
    if (text[close + 1] !== '"') break;
    close += 2;
  }
  const inner = text.slice(at + 1, close);
  return { text: inner.replaceAll('""', '"'), end: close + 1, lines: inner.split('\n').length - 1 };
};
