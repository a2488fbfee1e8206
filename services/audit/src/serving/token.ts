import { readFileSync } from 'node:fs';

const TOKEN_CHARACTERS_MIN = 32;

/** Thrown when there is no token that would keep strangers out; the message says what to do. */
export class TokenUnusable extends Error {
  override readonly name = 'TokenUnusable';
}

/** The token that callers must show. @throws TokenUnusable */
export const readToken = (path: string): string => {
  let token: string;
  try {
    token = readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new TokenUnusable(`${path} cannot be read: the audit service does not serve without a token`, {
      cause: error,
    });
  }
  if (token.length < TOKEN_CHARACTERS_MIN)
    throw new TokenUnusable(`the token in ${path} must have at least ${TOKEN_CHARACTERS_MIN} characters`);
  return token;
};
