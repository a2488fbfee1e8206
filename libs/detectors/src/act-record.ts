import { z } from 'zod';
import type { KernelAct } from './kernel-events.ts';

const base = { tgid: z.int(), proc: z.string().default('') };
const named = { name: z.string(), errno: z.string().default('') };
const run = { path: z.string(), args: z.array(z.string()).default([]) };
const reach = { family: z.int(), address: z.string(), local: z.boolean(), errno: z.string().default('') };

const actSchema = z.discriminatedUnion('kind', [
  z.object({ ...base, kind: z.literal('start'), cwd: z.string() }),
  z.object({ ...base, kind: z.literal('spawn'), childTid: z.int(), childTgid: z.int() }),
  z.object({ ...base, kind: z.literal('spawned'), flags: z.number(), ...named }),
  z.object({ ...base, kind: z.literal('image'), ...run }),
  z.object({ ...base, kind: z.literal('exec'), ...run }),
  z.object({ ...base, kind: z.literal('exit'), status: z.int() }),
  z.object({
    ...base,
    kind: z.literal('open'),
    path: z.string(),
    write: z.boolean(),
    errno: z.string().default(''),
    forTool: z.literal(true).optional(),
  }),
  z.object({
    ...base,
    kind: z.literal('socket'),
    family: z.int(),
    socketType: z.int(),
    protocol: z.int(),
    errno: z.string().default(''),
  }),
  z.object({ ...base, kind: z.literal('connect'), ...reach }),
  z.object({ ...base, kind: z.literal('bind'), ...reach }),
  z.object({ ...base, kind: z.literal('call'), name: z.string(), args: z.array(z.number()).default([]) }),
  z.object({ ...base, kind: z.literal('opaque'), ...named }),
  z.object({ ...base, kind: z.literal('concealed'), name: z.string() }),
]);
const placed = z.object({ n: z.int().min(0), at: z.number().min(0) });

/** A record of kept `kernel` evidence as an act with its number and time; null for what is no act, such as a count. */
export const actOfRecord = (
  record: unknown,
): { readonly act: KernelAct; readonly n: number; readonly at: number } | null => {
  const place = placed.safeParse(record);
  const act = actSchema.safeParse(record);
  return place.success && act.success ? { act: act.data, ...place.data } : null;
};

const usageSchema = z.object({
  n: z.int().min(0),
  at: z.number().min(0),
  cpuUs: z.number(),
  memoryBytes: z.number(),
  tasks: z.number(),
  diskBytes: z.number(),
  tmpBytes: z.number(),
});
/** A record of kept `usage` evidence; null for what is no sample. */
export const usageOfRecord = (record: unknown): z.infer<typeof usageSchema> | null =>
  usageSchema.safeParse(record).data ?? null;
