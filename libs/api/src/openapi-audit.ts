import { evaluationIdSchema } from '@crucible/events';
import { z } from 'zod';
import type { ZodOpenApiPathsObject, ZodOpenApiResponseObject } from 'zod-openapi';
import { problemSchema } from './contract.ts';
import { json, operation, refusals } from './openapi-parts.ts';

const problem = (description: string): ZodOpenApiResponseObject => ({
  description,
  content: { 'application/problem+json': { schema: problemSchema } },
});
const away = problem('The audit service cannot be reached, or can sign nothing just now; `detail` says why.');
const bytes = (description: string, type: string): ZodOpenApiResponseObject => ({
  description,
  content: { [type]: { schema: z.string() } },
});
const text = (description: string): ZodOpenApiResponseObject => bytes(description, 'text/plain');
/** Open to everybody: an answer of hashes reveals nothing that was said. */
const open = { security: [] };

const level = z
  .string()
  .regex(/^\d{1,2}$/)
  .describe('Level of tiles, from 0.');
const index = z
  .string()
  .describe(
    'Number of the tile in groups of three digits, all but the last with an x, and `.p/<width>` behind a partial one.',
  )
  .meta({ example: 'x001/234.p/17' });
const purpose = z.enum(['export', 'verify']).default('export').describe('Written into the log with who asks.');
const exportQuery = z.object({
  purpose,
  evaluation: evaluationIdSchema.optional().describe('Only this evaluation, each event with its inclusion proof.'),
  evidence: z.enum(['true', 'false']).default('true').describe('Whether evidence is in the file.'),
});
const status = z.object({
  origin: z.string().describe('Name of the log.'),
  size: z.int().min(0).describe('Events that the audit service has read.'),
  sealed: z.int().min(0).describe('Events that the newest checkpoint covers.'),
  broken: z.string().nullable().describe('What is wrong with the log, if anything.'),
});

export const auditPaths: ZodOpenApiPathsObject = {
  '/audit/checkpoint': {
    get: operation('audit', 'getCheckpoint', 'The newest signed checkpoint', {
      ...open,
      description: 'A C2SP signed note over the root of the log (`tlog-checkpoint`).',
      responses: { 200: text('The note.'), 503: away },
    }),
  },
  '/audit/key': {
    get: operation('audit', 'getVerifierKey', 'The key that checkpoints are signed with', {
      ...open,
      description: 'In C2SP’s form. Who checks a log should have it from elsewhere.',
      responses: { 200: text('The key.'), 503: away },
    }),
  },
  '/audit/tile/{level}/{index}': {
    get: operation('audit', 'getTile', 'Hashes of the log’s tree', {
      ...open,
      description: 'As C2SP’s `tlog-tiles` has them.',
      requestParams: { path: z.object({ level, index }) },
      responses: {
        200: bytes('The hashes, 32 bytes each.', 'application/octet-stream'),
        404: problem('The newest checkpoint has no such tile.'),
        503: away,
      },
    }),
  },
  '/audit/tile/entries/{index}': {
    get: operation('audit', 'getEntries', 'The events below a tile, as they are stored', {
      requestParams: { path: z.object({ index }) },
      responses: {
        200: bytes('Each behind its length, a big-endian uint16.', 'application/octet-stream'),
        ...refusals(404),
        503: away,
      },
    }),
  },
  '/audit/proof/{position}': {
    get: operation('audit', 'getProof', 'Proof that an event is in the log', {
      description: 'A C2SP `tlog-proof`, to be checked by anybody who has the event and the key.',
      requestParams: { path: z.object({ position: z.string().regex(/^[1-9]\d{0,14}$/) }) },
      responses: { 200: text('The proof.'), ...refusals(400, 404), 503: away },
    }),
  },
  '/audit/status': {
    get: operation('audit', 'getAuditStatus', 'How far the log is read and signed, and whether it is whole', {
      responses: { 200: json('How it stands.', status), ...refusals(), 503: away },
    }),
  },
  '/audit/export': {
    get: operation('audit', 'exportLog', 'The log, or one evaluation of it, to be checked without it', {
      description:
        'Lines of `crucible-export/1`, sent as they are made. Who asks is written into the log first, and a checkpoint is signed that covers it. A file without an `end` line is cut off.',
      requestParams: { query: exportQuery },
      responses: { 200: bytes('The lines.', 'application/x-ndjson'), ...refusals(400, 404), 503: away },
    }),
  },
};
