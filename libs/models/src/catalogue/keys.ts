import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { inspect } from 'node:util';
import type { KeyReference } from './format.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const KEY_BYTES_MAX = 8 * 1024;
const OTHERS_MAY = 0o006;
const GROUP_MAY = 0o060;

/** A key that shows itself to nobody by accident: printed, logged or written as JSON it is its name. */
export class Secret {
  /** Such as `env OPENAI_API_KEY`: says which key it is, and is none. */
  readonly name: string;
  readonly #value: string;

  constructor(name: string, value: string) {
    this.name = name;
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return `[key ${this.name}]`;
  }

  toJSON(): string {
    return this.toString();
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

export const keyName = (reference: KeyReference): string =>
  'env' in reference ? `env ${reference.env}` : `file ${reference.file}`;

export type KeyRead =
  | { readonly ok: true; readonly secret: Secret; readonly warning: string | null }
  | { readonly ok: false; readonly message: string };

const refused = (message: string): KeyRead => ({ ok: false, message });

/** What a header can carry: a key with a line break in it would end the header. */
const made = (reference: KeyReference, text: string, warning: string | null): KeyRead => {
  const value = text.trim();
  const where = 'env' in reference ? `the environment variable ${reference.env}` : `the file ${reference.file}`;
  if (value === '') return refused(`${where} is empty: put the key there`);
  if (!/^[\x21-\x7e]+$/.test(value))
    return refused(`${where} holds more than a key: it must be one line of letters, digits and signs`);
  return { ok: true, secret: new Secret(keyName(reference), value), warning };
};

const unreadable = (path: string, error: unknown): KeyRead => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    ENOTDIR: 'there is no such file',
    EACCES: 'may not be read by this user',
    ELOOP: 'is a circle of symbolic links',
  };
  return refused(`the file ${path} cannot be used: ${known[code] ?? code}`);
};

const readFile = async (reference: { readonly file: string }, path: string): Promise<KeyRead> => {
  try {
    // O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const info = await handle.stat();
      if (!info.isFile()) return refused(`${path} is not a file`);
      if (info.size > KEY_BYTES_MAX) return refused(`the file ${path} has ${info.size} bytes: that is no key`);
      const mode = `0${(info.mode & 0o777).toString(8)}`;
      if ((info.mode & OTHERS_MAY) !== 0)
        return refused(`the file ${path} is open to every user of this machine (mode ${mode}): chmod 600 ${path}`);
      const warning =
        (info.mode & GROUP_MAY) !== 0
          ? `the file ${path} is open to its group (mode ${mode}): chmod 600 ${path}`
          : null;
      return made(reference, await handle.readFile('utf8'), warning);
    } finally {
      await handle.close();
    }
  } catch (error) {
    return unreadable(path, error);
  }
};

/**
 * Reads a key from where its reference says.
 * @param pathOf a file's path, as it is meant where the reference was written
 */
export const readKey = async (
  reference: KeyReference,
  environment: Environment,
  pathOf: (file: string) => string,
): Promise<KeyRead> => {
  if ('file' in reference) return readFile(reference, pathOf(reference.file));
  const value = environment[reference.env];
  if (value === undefined) return refused(`the environment variable ${reference.env} is not set`);
  return made(reference, value, null);
};
