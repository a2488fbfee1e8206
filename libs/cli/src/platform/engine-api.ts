import { createReadStream, createWriteStream } from 'node:fs';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PlatformFailure } from './failure.ts';

/** The few calls to a Docker Engine that bring-up needs, over its Unix socket. */

const answerBytesMax = 4 * 1024 * 1024;

interface Call {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  /** A file that is sent as the body. */
  readonly file?: string;
  /** A tar archive that is made while it is sent. */
  readonly stream?: Readable;
  readonly timeoutMs?: number;
}

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** @throws Error when the socket cannot be reached, or nothing is heard for `timeoutMs`. */
export const callEngine = (socket: string, call: Call): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const upload = call.stream ?? (call.file === undefined ? undefined : createReadStream(call.file));
    const type = upload === undefined ? 'application/json' : 'application/x-tar';
    const sent = request(
      { socketPath: socket, path: call.path, method: call.method ?? 'GET', headers: { 'content-type': type } },
      (answer) => {
        const chunks: Buffer[] = [];
        let size = 0;
        answer.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size <= answerBytesMax) chunks.push(chunk);
        });
        answer.on('error', reject);
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks) }));
      },
    );
    sent.setTimeout(call.timeoutMs ?? 10_000, () => sent.destroy(new Error('the engine does not answer')));
    sent.on('error', reject);
    if (upload === undefined) {
      sent.end(call.body === undefined ? undefined : JSON.stringify(call.body));
      return;
    }
    upload.on('error', (error: Error) => sent.destroy(error)).pipe(sent);
    // An engine that refuses hears no more of it; what is left unread would keep its file open.
    sent.on('close', () => upload.destroy());
  });

/** Has the engine write its answer into a file. @throws PlatformFailure with the engine's message on a refusal */
export const downloadFrom = async (socket: string, path: string, file: string, timeoutMs: number): Promise<void> => {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request({ socketPath: socket, path }, resolve);
    sent.setTimeout(timeoutMs, () => sent.destroy(new Error('the engine does not answer')));
    sent.on('error', reject);
    sent.end();
  });
  if (answer.statusCode !== 200) {
    answer.resume();
    throw new PlatformFailure(`the engine refuses ${path}: status ${answer.statusCode ?? 0}`);
  }
  await pipeline(answer, createWriteStream(file, { mode: 0o600 }));
};

const told = (answer: Answer): string => {
  try {
    return (JSON.parse(answer.body.toString()) as { message?: string }).message ?? answer.body.toString().slice(0, 500);
  } catch {
    return answer.body.toString().slice(0, 500);
  }
};

/** As `callEngine`, with the JSON of the answer. @throws PlatformFailure with the engine's message on a refusal. */
export const askEngine = async <T>(socket: string, call: Call): Promise<T> => {
  const answer = await callEngine(socket, call);
  if (answer.status >= 400) throw new PlatformFailure(`the engine refuses ${call.path.split('?')[0]}: ${told(answer)}`);
  return (answer.body.length === 0 ? undefined : JSON.parse(answer.body.toString())) as T;
};

export interface EngineInfo {
  readonly ServerVersion: string;
  readonly DockerRootDir: string;
  readonly Runtimes: Readonly<Record<string, { path?: string; runtimeArgs?: string[] }>>;
}

/** Whether a runtime of an engine is gVisor, by its name or its program. */
export const isGvisor = (name: string, { path }: EngineInfo['Runtimes'][string]): boolean =>
  name === 'runsc' || name === 'gvisor' || /(^|\/)runsc$/.test(path ?? '');

/** What an engine says of itself; undefined when none answers at that socket. */
export const engineInfo = async (socket: string, timeoutMs = 3_000): Promise<EngineInfo | undefined> => {
  try {
    return await askEngine<EngineInfo>(socket, { path: '/info', timeoutMs });
  } catch {
    return undefined;
  }
};

/** Text of an attached stream: frames of an 8-byte header (stream, 0, 0, 0, big-endian length) and bytes. */
export const demultiplex = (stream: Buffer): string => {
  const parts: Buffer[] = [];
  for (let at = 0; at + 8 <= stream.length;) {
    const size = stream.readUInt32BE(at + 4);
    parts.push(stream.subarray(at + 8, at + 8 + size));
    at += 8 + size;
  }
  return Buffer.concat(parts).toString('utf8');
};

export interface ContainerRun {
  readonly image: string;
  readonly runtime: string;
  readonly command: readonly string[];
  /** All of it, in place of the image's entry point and command. */
  readonly entrypoint?: readonly string[];
  readonly env?: readonly string[];
  readonly user?: string;
  /** Folders that are made of memory, with their options. */
  readonly tmpfs?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** Runs one closed-in container to its end and removes it. @throws PlatformFailure when it does not start or end in time. */
export const runContainer = async (socket: string, what: ContainerRun): Promise<{ code: number; output: string }> => {
  const { Id: id } = await askEngine<{ Id: string }>(socket, {
    method: 'POST',
    path: '/containers/create',
    body: {
      Image: what.image,
      Cmd: what.command,
      Labels: what.labels ?? {},
      ...(what.entrypoint === undefined ? {} : { Entrypoint: what.entrypoint }),
      ...(what.env === undefined ? {} : { Env: what.env }),
      ...(what.user === undefined ? {} : { User: what.user }),
      HostConfig: {
        Runtime: what.runtime,
        NetworkMode: 'none',
        ReadonlyRootfs: true,
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        Memory: 256 * 1024 * 1024,
        ...(what.tmpfs === undefined ? {} : { Tmpfs: what.tmpfs }),
        LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } },
      },
    },
  });
  try {
    await askEngine(socket, { method: 'POST', path: `/containers/${id}/start`, timeoutMs: what.timeoutMs });
    const { StatusCode: code } = await askEngine<{ StatusCode: number }>(socket, {
      method: 'POST',
      path: `/containers/${id}/wait`,
      timeoutMs: what.timeoutMs,
    });
    const logs = await callEngine(socket, { path: `/containers/${id}/logs?stdout=1&stderr=1` });
    return { code, output: demultiplex(logs.body) };
  } finally {
    await callEngine(socket, { method: 'DELETE', path: `/containers/${id}?force=1&v=1`, timeoutMs: 30_000 }).catch(
      () => undefined,
    );
  }
};

export const imageExists = async (socket: string, reference: string): Promise<boolean> =>
  (await callEngine(socket, { path: `/images/${reference}/json` })).status === 200;

/** Imports a root file system as an image. @throws PlatformFailure with the engine's reason. */
export const importImage = async (
  socket: string,
  image: { repository: string; tag: string; file: string; changes: readonly string[] },
): Promise<void> => {
  const query = new URLSearchParams({ fromSrc: '-', repo: image.repository, tag: image.tag });
  for (const change of image.changes) query.append('changes', change);
  const path = `/images/create?${query.toString()}`;
  const answer = await callEngine(socket, { method: 'POST', path, file: image.file, timeoutMs: 120_000 });
  // A failure after the first byte can only be told in the stream.
  const failed = answer.status >= 400 || /"error"\s*:/.test(answer.body.toString());
  if (failed) throw new PlatformFailure(`importing the sandbox image failed: ${told(answer)}`);
};

/** Kills and removes containers: all of an engine, or those with a label. Returns how many there were. */
export const removeContainers = async (socket: string, label?: string): Promise<number> => {
  const filters = label === undefined ? '' : `&filters=${encodeURIComponent(JSON.stringify({ label: [label] }))}`;
  const found = await askEngine<{ Id: string }[]>(socket, { path: `/containers/json?all=1${filters}` });
  const remove = ({ Id }: { Id: string }) =>
    callEngine(socket, { method: 'DELETE', path: `/containers/${Id}?force=1&v=1`, timeoutMs: 20_000 }).catch(
      () => undefined,
    );
  await Promise.all(found.map(remove));
  return found.length;
};
