/** Thrown for a cursor that this server did not make. */
export class BadCursor extends Error {
  override readonly name = 'BadCursor';
}

/** Where a list goes on: the sort key of the last item that was looked at. */
export const encodeCursor = (parts: readonly number[]): string => Buffer.from(parts.join('.')).toString('base64url');
/** @throws BadCursor unless it is `length` numbers */
export const decodeCursor = (cursor: string, length: number): number[] => {
  const texts = Buffer.from(cursor, 'base64url').toString('latin1').split('.');
  const parts = texts.filter((text) => /^\d{1,16}$/.test(text)).map(Number);
  if (texts.length !== length || parts.length !== length || !parts.every(Number.isSafeInteger)) {
    throw new BadCursor('cursor is not one of ours');
  }
  return parts;
};
