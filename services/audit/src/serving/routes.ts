import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import type { ServerResponse } from 'node:http';
import { evaluationIdSchema, subjects } from '@crucible/events';
import type { EvaluationId } from '@crucible/events';
import { encodeEntryBundle, formatTlogProof, parseTilePath, TILE_WIDTH, tileWidth } from '@crucible/transparency';
import type { Tile } from '@crucible/transparency';
import { NotSealed } from '../sealing/sealer.ts';
import type { Sealed, Sealer } from '../sealing/sealer.ts';
import { TileDamaged } from '../tree/level-file.ts';
import type { HashTile } from '../tree/tree-files.ts';
import { Refusal, send } from './answers.ts';
import type { Route } from './audit-http.ts';
import { Export } from './export.ts';
import type { ExportPorts } from './export.ts';
import { readRange } from './log-range.ts';
import { Proofs } from './proofs.ts';

/** How long a request waits for events to be read and a checkpoint to be signed over them. */
const SEAL_WAIT_MS_MAX = 20_000;
const EXPORTS_AT_ONCE_MAX = 4;
const EXPORT_WRITE_CHARACTERS = 65_536;
const TEXT = 'text/plain; charset=utf-8';
const FOREVER = { 'cache-control': 'public, max-age=31536000, immutable' };

export interface RoutePorts extends ExportPorts {
  readonly sealer: Pick<Sealer, 'last' | 'sealHead' | 'size' | 'origin' | 'broken'>;
  readonly verifierKey: string;
  readonly now: () => number;
}

/** Everything that the audit service answers, by path. */
export const routesOf = (ports: RoutePorts): readonly Route[] => [
  {
    path: /^\/audit\/checkpoint$/,
    open: true,
    answer: async (_, response) => send(response, 200, TEXT, (await newest(ports)).note),
  },
  { path: /^\/audit\/key$/, open: true, answer: (_, response) => send(response, 200, TEXT, `${ports.verifierKey}\n`) },
  {
    path: /^\/audit\/(tile\/\d{1,2}\/[\dx/]{3,30}(?:\.p\/\d{1,3})?)$/,
    open: true,
    answer: ({ match }, response) => sendHashes(ports, tileAt(ports, match[1] ?? ''), response),
  },
  {
    path: /^\/audit\/(tile\/entries\/[\dx/]{3,30}(?:\.p\/\d{1,3})?)$/,
    open: false,
    answer: ({ match, signal }, response) => sendEntries(ports, tileAt(ports, match[1] ?? ''), response, signal),
  },
  {
    path: /^\/audit\/status$/,
    open: false,
    answer: (_, response) => {
      const { origin, size, broken, last } = ports.sealer;
      const status = { origin, size, sealed: last?.checkpoint.size ?? 0, broken };
      send(response, 200, 'application/json; charset=utf-8', JSON.stringify(status));
    },
  },
  {
    path: /^\/audit\/proof\/([1-9]\d{0,14})$/,
    open: false,
    answer: ({ match }, response) => sendProof(ports, Number(match[1]), response),
  },
  { path: /^\/audit\/export$/, open: false, answer: exportAnswer(ports) },
];

/** The newest checkpoint; the first one is signed when it is asked for. */
const newest = (ports: RoutePorts): Sealed | Promise<Sealed> => ports.sealer.last ?? sealed(ports);

/** The tile of a path, when the tree of the newest checkpoint has it. */
const tileAt = (ports: RoutePorts, path: string): Tile => {
  const tile = parseTilePath(path);
  if (tile === undefined || tile.width > tileWidth(tile, ports.sealer.last?.checkpoint.size ?? 0))
    throw new Refusal(404, 'no-such-tile', 'The newest checkpoint has no such tile.');
  return tile;
};

const sendHashes = ({ tree }: RoutePorts, tile: Tile, response: ServerResponse): void => {
  try {
    send(response, 200, 'application/octet-stream', tree.read(tile as HashTile), FOREVER);
  } catch (error) {
    throw damageNamed(error);
  }
};

/** Tiles that cannot be read are no failure of the log: they come again with the next start. */
const damageNamed = (error: unknown): unknown =>
  error instanceof TileDamaged
    ? new Refusal(503, 'tiles-not-ready', `The tiles are not complete (${error.message}): ask again later.`)
    : error;

const sendEntries = async (
  { log }: RoutePorts,
  { index, width }: Tile,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> => {
  const from = index * TILE_WIDTH + 1;
  const entries: Uint8Array[] = [];
  for await (const { position, body } of readRange(log, { from, to: from + width - 1 }, signal)) {
    if (position !== from + entries.length) break;
    entries.push(body);
  }
  if (entries.length < width)
    throw new Refusal(503, 'event-missing', `Event ${from + entries.length} is missing from the log.`);
  send(response, 200, 'application/octet-stream', encodeEntryBundle(entries), {
    'cache-control': 'private, max-age=31536000, immutable',
  });
};

const sealed = async ({ sealer }: RoutePorts): Promise<Sealed> => {
  try {
    return await sealer.sealHead(SEAL_WAIT_MS_MAX);
  } catch (error) {
    if (!(error instanceof NotSealed)) throw error;
    throw new Refusal(503, 'not-sealed', `No checkpoint can be signed now: ${error.message}`);
  }
};

const sendProof = async (ports: RoutePorts, position: number, response: ServerResponse): Promise<void> => {
  const { last } = ports.sealer;
  const { note, checkpoint } = last !== null && last.checkpoint.size >= position ? last : await sealed(ports);
  if (position > checkpoint.size)
    throw new Refusal(404, 'no-such-event', `The log has ${checkpoint.size} events: there is no event ${position}.`);
  const proofs = new Proofs(checkpoint.size, (tile) => ports.tree.read(tile));
  const hashes = await proofs.of(position).catch((error: unknown) => Promise.reject(damageNamed(error)));
  send(response, 200, TEXT, formatTlogProof({ index: position - 1, hashes, checkpoint: note }));
};

const requestedEvaluation = async ({ log }: RoutePorts, query: URLSearchParams): Promise<EvaluationId | null> => {
  const text = query.get('evaluation');
  if (text === null) return null;
  const id = evaluationIdSchema.safeParse(text);
  if (!id.success) throw new Refusal(400, 'bad-request', 'evaluation must be the id of an evaluation.');
  const { lastSequence } = await log.readSubject(subjects.evaluation(id.data));
  if (lastSequence === 0) throw new Refusal(404, 'not-found', `There is no evaluation ${id.data}.`);
  return id.data;
};

/** Lines in pieces worth a write. */
async function* inPieces(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let piece = '';
  for await (const line of lines) {
    piece += line;
    if (piece.length < EXPORT_WRITE_CHARACTERS) continue;
    yield piece;
    piece = '';
  }
  yield piece;
}

const exportAnswer = (ports: RoutePorts): Route['answer'] => {
  let underWay = 0;
  return async ({ query, signal }, response) => {
    if (underWay >= EXPORTS_AT_ONCE_MAX)
      throw new Refusal(503, 'busy', `${EXPORTS_AT_ONCE_MAX} exports are under way: ask again when one has ended.`);
    underWay += 1;
    try {
      const evaluationId = await requestedEvaluation(ports, query);
      const evidence = query.get('evidence') !== 'false';
      const createdAt = new Date(ports.now()).toISOString();
      const job = new Export(ports, await sealed(ports), { evaluationId, evidence, createdAt }, signal);
      response.writeHead(200, { 'content-type': 'application/x-ndjson; charset=utf-8', 'cache-control': 'no-store' });
      response.flushHeaders();
      await pipeline(Readable.from(inPieces(job.lines()), { objectMode: false }), response);
    } finally {
      underWay -= 1;
    }
  };
};
