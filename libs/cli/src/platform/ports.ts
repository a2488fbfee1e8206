import { randomInt } from 'node:crypto';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { PlatformFailure } from './failure.ts';
import { readState, updateState, type Home } from './home.ts';

// Below the range systems give to outgoing connections: a remembered port is then not taken by chance.
const firstPort = 20_000;
const lastPort = 30_000;

/** Whether somebody could listen there now. */
export const isFree = (port: number, host = '127.0.0.1'): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });

export const freePort = async (taken: ReadonlySet<number> = new Set()): Promise<number> => {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const port = randomInt(firstPort, lastPort);
    if (!taken.has(port) && (await isFree(port))) return port;
  }
  throw new PlatformFailure(`no free port found between ${firstPort} and ${lastPort}`);
};

/** @throws PlatformFailure unless it is a number from 1 to 65535. */
export const parsePort = (variable: string, text: string): number => {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new PlatformFailure(`${variable}=${text} is not a port`, `set ${variable} to a number from 1 to 65535`);
  }
  return port;
};

/** The port a component used last time, or a free one from now on. A chosen one that was taken since is chosen again. */
export const rememberedPort = async (home: Home, name: string, isRunning: boolean): Promise<number> => {
  const { ports } = readState(home);
  const known = ports[name];
  if (known !== undefined && (isRunning || (await isFree(known)))) return known;
  const port = await freePort(new Set(Object.values(ports)));
  updateState(home, (state) => ({ ...state, ports: { ...state.ports, [name]: port } }));
  return port;
};

const listeningInode = (table: string, port: number): string | undefined => {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  for (const line of table.split('\n').slice(1)) {
    const field = line.trim().split(/\s+/);
    if (field[1]?.endsWith(`:${hex}`) && field[3] === '0A') return field[9];
  }
  return undefined;
};

const readOr = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

/** Who listens on a port, as `pid 12 (nginx -g daemon)`, where the system lets us see it. */
export const listenerOf = (port: number): string | undefined => {
  const inode = listeningInode(readOr('/proc/net/tcp'), port) ?? listeningInode(readOr('/proc/net/tcp6'), port);
  if (inode === undefined) return undefined;
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const holds = readdirSync(`/proc/${pid}/fd`).some((fd) => {
        try {
          return readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`;
        } catch {
          return false;
        }
      });
      if (!holds) continue;
      const command = readOr(`/proc/${pid}/cmdline`)
        .replace(/[^\x20-\x7e]+/g, ' ')
        .trim()
        .slice(0, 200);
      return `pid ${pid} (${command})`;
    } catch {
      // not ours to look at
    }
  }
  return undefined;
};

/** @throws PlatformFailure naming the port, who has it, and the way out. */
export const requireFree = async (port: number, variable: string, host = '127.0.0.1'): Promise<void> => {
  if (await isFree(port, host)) return;
  const owner = listenerOf(port);
  throw new PlatformFailure(
    `port ${port} is taken${owner ? ` by ${owner}` : ''}`,
    `set ${variable} to another port: ${variable}=${port + 1} ./crucible up`,
  );
};
