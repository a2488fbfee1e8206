/** A place in a text file; both count from 1, and 0 means the file as a whole. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A parsed file that still knows where each of its parts was written. */
export interface Placed {
  readonly value: unknown;
  readonly problems: readonly { readonly place: Place; readonly message: string }[];
  /** Where the value at a path was written, or the nearest thing around it that was. */
  readonly placeOf: (path: readonly PropertyKey[]) => Place;
}

export const nowhere: Place = { line: 0, column: 0 };
