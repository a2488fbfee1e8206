import { spawn } from 'node:child_process';
import { gvisor } from './messages.fixture.ts';

/**
 * A process that is many sandboxes at once: each connects, greets, names its container and then sends `packets` calls,
 * one after the other, as fast as they are read. It ends when all was sent.
 */
const SENDER = `
const { SeqpacketSocket } = require('node-unix-socket');
const [path, packets, call, ...starts] = process.argv.slice(1);
const packet = Buffer.from(call, 'hex');
const sockets = [];
for (const start of starts) {
  const socket = new SeqpacketSocket();
  sockets.push(socket);
  let left = Number(packets);
  const next = () => {
    if (left-- <= 0) return socket.end();
    // The callback may come at once: too deep a stack in it would abort the process.
    socket.write(packet, 0, packet.length, left % 64 === 0 ? () => setImmediate(next) : next);
  };
  socket.on('error', (error) => { console.error(error); process.exit(1); });
  socket.connect(path, () => {
    socket.write(Buffer.from([8, 1]));
    socket.write(Buffer.from(start, 'hex'), 0, start.length / 2, next);
  });
}`;

export interface Flooder {
  /** Resolves with the exit code when every call was sent and read. */
  readonly ended: Promise<number | null>;
  stop(): void;
}

export const startFlood = (path: string, containerIds: readonly string[], packets: number): Flooder => {
  const starts = containerIds.map((id) => gvisor.start(id).toString('hex'));
  const call = gvisor.raw({ tid: 2 }, 62, 2, 0).toString('hex');
  const child = spawn(process.execPath, ['-e', SENDER, path, String(packets), call, ...starts], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { ended, stop: () => void child.kill('SIGKILL') };
};
