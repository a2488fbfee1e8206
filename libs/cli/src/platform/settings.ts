import { rememberedNames, type RememberedName, type Settings } from '../config.ts';
import { readState, updateState, type Home, type State } from './home.ts';
import { isFree, parsePort, rememberedPort, requireFree } from './ports.ts';
import { runningProcess } from './process.ts';
import { reachableHost } from './services.ts';

export type Remembered = Readonly<Partial<Record<RememberedName, string>>>;

/** What was given now over what was given before; an empty value forgets. */
export const mergeSettings = (before: State['settings'], given: Settings['given']): Record<string, string> => {
  const merged: Record<string, string> = {};
  for (const name of rememberedNames) {
    const value = given[name] ?? before[name];
    if (value !== undefined && value !== '') merged[name] = value;
  }
  return merged;
};

/** Settings of this bring-up: given now or remembered. */
export const currentSettings = (home: Home, given: Settings['given']): Remembered =>
  mergeSettings(readState(home).settings, given);

/** Remembers settings, once they are known to work: a mistake is not made again without being asked for. */
export const rememberSettings = (home: Home, settings: Remembered): void => {
  updateState(home, (state) => ({ ...state, settings }));
};

const gatewayPortDefault = 4700;

/**
 * The public port, free or already ours.
 * @throws PlatformFailure naming the port, its owner and the way out.
 */
export const gatewayPort = async (home: Home, remembered: Remembered, bind: string): Promise<number> => {
  const port = parsePort('CRUCIBLE_PORT', remembered.CRUCIBLE_PORT ?? String(gatewayPortDefault));
  const state = readState(home);
  const ours = runningProcess(home, 'gateway') !== undefined && state.ports['gateway'] === port;
  if (!ours) await requireFree(port, 'CRUCIBLE_PORT', bind === '' ? '0.0.0.0' : bind);
  updateState(home, (before) => ({ ...before, ports: { ...before.ports, gateway: port } }));
  return port;
};

/** A port of a component: the one a variable names, which must be free, else the remembered or a newly chosen one. */
export const componentPort = async (
  home: Home,
  remembered: Remembered,
  want: { key: string; variable?: RememberedName; process: string },
): Promise<number> => {
  const running = runningProcess(home, want.process) !== undefined;
  const text = want.variable === undefined ? undefined : remembered[want.variable];
  if (want.variable === undefined || text === undefined) return rememberedPort(home, want.key, running);
  const port = parsePort(want.variable, text);
  const state = readState(home);
  if (!(running && state.ports[want.key] === port) && !(await isFree(port))) await requireFree(port, want.variable);
  updateState(home, (before) => ({ ...before, ports: { ...before.ports, [want.key]: port } }));
  return port;
};

export const publicUrl = (bind: string, port: number): string => `http://${reachableHost(bind)}:${port}`;
