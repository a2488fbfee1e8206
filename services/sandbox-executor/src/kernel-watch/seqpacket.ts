import { EventEmitter } from 'node:events';
import { chmodSync, readSync, renameSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { SeqpacketServer, SeqpacketSocket } from 'node-unix-socket';
import addon from 'node-unix-socket/js/addon.js';

/** One accepted connection, read without waiting. */
export interface Connection {
  /**
   * Copies the next packet to the start of `into`.
   * @returns its length in bytes; `empty` if none is there yet; `ended` if the other side is gone.
   */
  read(into: Buffer): number | 'empty' | 'ended';
  /** Sends one small packet. @returns whether it was taken. */
  write(packet: Buffer): boolean;
  close(): void;
}

export interface Listener {
  close(): void;
}

/** The socket's path belongs to a process that is alive. */
export class SocketTakenError extends Error {
  override readonly name = 'SocketTakenError';
  constructor(readonly path: string) {
    super(`another process is listening on ${path}`);
  }
}

const SOCKET_MODE = 0o600;

/**
 * Listens on a `SOCK_SEQPACKET` Unix socket with mode 0600. A file left behind by a dead process is replaced.
 *
 * The package's own reader drains a connection for as long as packets come, so one busy sandbox would stop this
 * process's event loop (measured: for the whole length of a flood). So it only accepts; whoever takes the connection
 * decides how much to read and when.
 * @throws SocketTakenError
 */
export const listenSeqpacket = (path: string, onConnection: (connection: Connection) => void): Listener => {
  if (isAlive(path)) throw new SocketTakenError(path);
  const server = new SeqpacketServer();
  server.on('error', () => undefined);
  server.removeAllListeners('_connection');
  server.on('_connection', (fd: number) => onConnection(new FdConnection(fd)));
  // Made under another name and moved into place: the real one never exists with the wrong mode, nor not at all.
  const draft = `${path}.${process.pid}`;
  removeIfThere(draft);
  server.listen(draft);
  chmodSync(draft, SOCKET_MODE);
  renameSync(draft, path);
  const { ino } = statSync(path);
  return {
    close: () => {
      server.close();
      if (isSameFile(path, ino)) removeIfThere(path);
    },
  };
};

class FdConnection implements Connection {
  readonly #fd: number;
  readonly #wrap: InstanceType<typeof addon.SeqpacketSocketWrap>;
  #closed = false;

  constructor(fd: number) {
    const emitter = new EventEmitter();
    emitter.emit = emitter.emit.bind(emitter);
    this.#fd = fd;
    // Makes the descriptor non-blocking and owns it; it is never told to receive.
    this.#wrap = new addon.SeqpacketSocketWrap(emitter, fd);
    this.#wrap.init(this.#wrap);
  }

  read(into: Buffer): number | 'empty' | 'ended' {
    // An empty socket is an exception here; most of what one costs is the stack that it would carry.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      const bytes = readSync(this.#fd, into, 0, into.length, null);
      return bytes === 0 ? 'ended' : bytes;
    } catch (error) {
      return codeOf(error) === 'EAGAIN' ? 'empty' : 'ended';
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  }

  write(packet: Buffer): boolean {
    try {
      return writeSync(this.#fd, packet) === packet.length;
    } catch {
      return false;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#wrap.close();
  }
}

const codeOf = (error: unknown): unknown => (error as NodeJS.ErrnoException | undefined)?.code;

/** Whether a process accepts connections at the path. */
function isAlive(path: string): boolean {
  const probe = new SeqpacketSocket();
  probe.on('error', () => undefined);
  try {
    probe.connect(path);
    return true;
  } catch {
    return false;
  } finally {
    probe.destroy();
  }
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

function isSameFile(path: string, ino: number): boolean {
  try {
    return statSync(path).ino === ino;
  } catch {
    return false;
  }
}
