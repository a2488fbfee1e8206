/** Everything in a text that a terminal would obey instead of show, tab and newline aside. */
export const escapes = (text: string): string[] =>
  [...text.matchAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu)].map(
    ({ index }) => JSON.stringify(text.slice(Math.max(0, index - 20), index + 20)),
  );
