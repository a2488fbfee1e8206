import { z } from 'zod';

/** Text of one message at the most, in UTF-16 units: written as JSON it stays far below what the bus takes. */
export const liveCharsMax = 8_192;
export const liveItemsMax = 64;

const count = z.int().min(0);
const attempt = z.int().min(1);

/** Which part of a reply a piece of it belongs to. Of a tool call it is the tool's name, a space, and its arguments as they come. */
export const liveKindSchema = z.enum(['text', 'reasoning', 'tool-call']);
export type LiveKind = z.infer<typeof liveKindSchema>;

/** What an account of a provider takes at once, as its executor has learnt it so far. */
export const liveAccountSchema = z.object({
  provider: z.string().max(100),
  /** Calls that may be under way at once, of which `concurrencyMax` is the most. */
  effective: count,
  concurrencyMax: count,
  inFlight: count,
  waiting: count,
  /** Until the provider takes calls again, as it said itself; 0 when it does. */
  pausedMs: count,
});
export type LiveAccount = z.infer<typeof liveAccountSchema>;

/** What is to be seen of a subject's replies before they are on record. The text is a model's: untrusted. */
export const liveItemSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('delta'),
    turn: count,
    attempt,
    kind: liveKindSchema,
    /** How much of this part was told before, in UTF-16 units: who came later knows that a beginning is missing. */
    after: count,
    text: z.string().max(liveCharsMax),
  }),
  /** What was told of this turn in attempts before this one is void: that reply broke, and is asked for again or given up. */
  z.object({ type: z.literal('reset'), turn: count, attempt }),
  /** The reply of this turn is on record now, as are those before it. */
  z.object({ type: z.literal('whole'), turn: count }),
  /** The call of this turn waits for its turn with the provider: told again and again, and once with null when it has it. */
  z.object({ type: z.literal('waits'), turn: count, account: liveAccountSchema.nullable() }),
]);
export type LiveItem = z.infer<typeof liveItemSchema>;

/** One message of `crucible.live.evaluation.<id>.trial.<id>`: told once to whoever listens, kept by nobody. */
export const liveMessageSchema = z.object({ items: z.array(liveItemSchema).min(1).max(liveItemsMax) });
export type LiveMessage = z.infer<typeof liveMessageSchema>;
