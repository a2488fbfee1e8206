/** Postgres has no text with U+0000 in it. */
export const textColumn = (text: string): string => (text.includes('\0') ? text.replaceAll('\0', '\ufffd') : text);
