import { isDeepStrictEqual } from 'node:util';
import type { SandboxHostConfig } from './host-config.ts';

/** The parts of an engine's answer to "inspect" that isolation rests on; everything is optional, because nothing is trusted. */
export interface Inspected {
  readonly Config?: { readonly User?: string; readonly Volumes?: unknown } | undefined;
  readonly Mounts?: readonly unknown[] | undefined;
  readonly HostConfig?: Readonly<Record<string, unknown>> | undefined;
}

/** Applied exactly as asked. Order of lists counts: they are ours and the engine keeps it. */
const exact = [
  'Runtime',
  'NetworkMode',
  'ReadonlyRootfs',
  'Privileged',
  'CapDrop',
  'SecurityOpt',
  'IpcMode',
  'PidsLimit',
  'Memory',
  'MemorySwap',
  'NanoCpus',
  'ShmSize',
  'Tmpfs',
  'AutoRemove',
] as const satisfies readonly (keyof SandboxHostConfig)[];

/** Must be absent or empty: each is a way out that we never ask for. */
const empty = [
  'CapAdd',
  'Binds',
  'Mounts',
  'VolumesFrom',
  'Devices',
  'DeviceRequests',
  'Links',
  'PortBindings',
  'GroupAdd',
  'ExtraHosts',
];
const notHost = ['PidMode', 'UTSMode', 'UsernsMode', 'IpcMode', 'NetworkMode'];

const isEmpty = (value: unknown): boolean =>
  value === null || value === undefined || (typeof value === 'object' && Object.keys(value).length === 0);

const isHost = (value: unknown): boolean => typeof value === 'string' && /^(host|container:)/.test(value);

const named = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;

const sameUlimits = (asked: SandboxHostConfig['Ulimits'], given: unknown): boolean =>
  Array.isArray(given) &&
  asked.every((limit) =>
    given.some((other) => named(other, 'Name') === limit.Name && named(other, 'Hard') === limit.Hard),
  );

/**
 * Names of what the engine did not apply as asked; empty when isolation is proven as far as the engine can tell.
 * The init process looks again from inside before it runs anything.
 */
export const isolationMisses = (asked: SandboxHostConfig, userId: number, inspected: Inspected): string[] => {
  const given = inspected.HostConfig ?? {};
  const misses: string[] = [];
  for (const key of exact) if (!isDeepStrictEqual(given[key], asked[key])) misses.push(key);
  for (const key of empty) if (!isEmpty(given[key])) misses.push(key);
  for (const key of notHost) if (isHost(given[key])) misses.push(key);
  if (!sameUlimits(asked.Ulimits, given['Ulimits'])) misses.push('Ulimits');
  if (named(given['LogConfig'], 'Type') !== 'none') misses.push('LogConfig');
  if (!['no', ''].includes(String(named(given['RestartPolicy'], 'Name') ?? ''))) misses.push('RestartPolicy');
  if (inspected.Config?.User !== `${userId}:${userId}`) misses.push('User');
  // A volume declared by the image would be a writable folder without a bound.
  if (!isEmpty(inspected.Config?.Volumes) || !isEmpty(inspected.Mounts)) misses.push('Volumes');
  return [...new Set(misses)];
};
