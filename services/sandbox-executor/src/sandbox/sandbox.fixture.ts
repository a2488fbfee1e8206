import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SandboxLimits } from '@crucible/events';
import type { OutputChunk, SandboxEnd, SandboxEngine, SandboxSpec } from './port.ts';

const MIB = 1_048_576;

/** Where the tests' engine is. A missing one is a failure: isolation that was not tested is not tested. */
export const testEngine = (): { socketPath: string; runtime: string; image: string } => {
  const wanted = {
    socketPath: 'CRUCIBLE_TEST_DOCKER_SOCKET',
    runtime: 'CRUCIBLE_TEST_RUNTIME_UNWATCHED',
    image: 'CRUCIBLE_TEST_IMAGE',
  };
  const missing = Object.values(wanted).filter((name) => !process.env[name]);
  if (missing.length > 0) {
    throw new Error(
      `these tests need a container engine with gVisor: run "./crucible test", which sets ${missing.join(', ')}`,
    );
  }
  const [socketPath = '', runtime = '', image = ''] = Object.values(wanted).map((name) => process.env[name]);
  return { socketPath, runtime, image };
};

export const limits: SandboxLimits = {
  cpuMillis: 1_000,
  memoryBytesMax: 128 * MIB,
  pidsMax: 32,
  diskBytesMax: 16 * MIB,
  wallTimeMsMax: 20_000,
  outputBytesMax: MIB,
  tmpBytesMax: 16 * MIB,
  filesOpenMax: 1_024,
  fileBytesMax: 16 * MIB + 4_096,
};

export interface Observed {
  readonly end: SandboxEnd;
  readonly stdout: string;
  readonly stderr: string;
  readonly chunks: readonly OutputChunk[];
}

export const pythonSpec = (source: string, changes: Partial<SandboxSpec> = {}): SandboxSpec => ({
  evaluationId: 'test',
  trialId: '0-1-1',
  image: testEngine().image,
  argv: ['python3', 'main.py'],
  stdin: null,
  files: [{ path: 'main.py', content: Buffer.from(source) }],
  env: {},
  limits,
  ...changes,
});

/** Runs a spec to its end and keeps all it wrote. */
export const observe = async (engine: SandboxEngine, spec: SandboxSpec): Promise<Observed> => {
  const chunks: OutputChunk[] = [];
  const sandbox = await engine.start(spec, (chunk) => void chunks.push(chunk));
  const end = await sandbox.ended;
  const text = (stream: OutputChunk['stream']): string =>
    Buffer.concat(chunks.filter((chunk) => chunk.stream === stream).map((chunk) => chunk.bytes)).toString('latin1');
  return { end, stdout: text('stdout'), stderr: text('stderr'), chunks };
};

/** A way to the engine that can be cut, as a crash of the engine or of its host would cut it. */
export class CuttableEngine {
  readonly socketPath: string;
  readonly #folder: string;
  readonly #sockets = new Set<Socket>();
  readonly #server;

  constructor(target: string) {
    this.#folder = mkdtempSync(join(tmpdir(), 'crucible-cut-'));
    this.socketPath = join(this.#folder, 'engine.sock');
    this.#server = createServer({ allowHalfOpen: true }, (near) => {
      const far = connect({ path: target, allowHalfOpen: true });
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
      }
      near.pipe(far).pipe(near);
    });
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(this.socketPath, resolve));
  }

  /** Every connection is lost, and new ones are taken. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  cut(): void {
    this.#server.close();
    this.drop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
