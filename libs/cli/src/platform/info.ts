import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomically, type Archive, type Home } from './home.ts';
import type { Wiring } from './services.ts';
import type { StepRecord } from './steps.ts';

/** A platform that is up, and how to reach each part of it. Kept in the home for verbs that only need a running one. */
export interface PlatformInfo {
  /** Address of the UI and API, without a slash at its end. */
  readonly url: string;
  readonly token: string;
  readonly tokenFile: string;
  readonly home: string;
  readonly natsUrl: string;
  /** The NATS user for people and tests, where the server asks for one. */
  readonly natsUser: string | undefined;
  readonly natsPassword: string | undefined;
  readonly databaseUrl: string;
  /** The engine's Unix socket; an archive runs nothing, and has none. */
  readonly dockerSocket: string;
  readonly runtime: string;
  readonly unwatchedRuntime: string;
  readonly traceSocket: string | undefined;
  readonly engineKind: 'own' | 'foreign' | 'none';
  /** Suite image name to engine image reference. */
  readonly images: Readonly<Record<string, string>>;
  readonly healthPorts: Wiring['healthPorts'];
  /** Set when this is a copy of another platform's log, which is only read. */
  readonly archive?: Archive | undefined;
  readonly steps: readonly StepRecord[];
}

const infoPath = (home: Home): string => join(home.root, 'platform.json');

export const writeInfo = (home: Home, info: PlatformInfo): void =>
  writeAtomically(infoPath(home), JSON.stringify(info, null, 2));

/** How the platform of this home was reached when it last came up; undefined when it never did. */
export const readInfo = (home: Home): PlatformInfo | undefined => {
  try {
    return JSON.parse(readFileSync(infoPath(home), 'utf8')) as PlatformInfo;
  } catch {
    return undefined;
  }
};
