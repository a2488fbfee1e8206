import { z } from 'zod';
import { catalogue } from './catalogue.ts';
import type { EventData, EventType } from './catalogue.ts';
import type { CurrentEventType } from './upcast.ts';
import { uuidSchema } from './ids.ts';

/** The largest event, in bytes of JSON: the limit of one entry in a C2SP tiled log. */
export const eventBytesMax = 65_535;

const traceparent = z.string().regex(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/, 'must be a W3C traceparent');

/** CloudEvents 1.0, structured JSON, with the extensions every event of ours carries. */
export const publishedEnvelopeSchema = z.object({
  specversion: z.literal('1.0'),
  id: uuidSchema,
  source: z.string().regex(/^\/crucible\/[a-z-]+$/),
  type: z.string().max(100),
  subject: z.string().max(200),
  time: z.iso.datetime({ precision: 3 }),
  datacontenttype: z.literal('application/json'),
  team: z.string().max(100),
  actor: z.string().max(200),
  correlationid: uuidSchema,
  causationid: uuidSchema.optional(),
  traceparent: traceparent.optional(),
  data: z.unknown(),
});

/** Extensions that events of people's requests got later. The envelope is open, so adding one edits nothing published. */
export const requestExtensionsSchema = z.object({
  /** How the actor proved who they are. */
  authmethod: z.string().max(40).optional(),
  /** Where the request came from, as far as the gateway can see. */
  clientaddress: z.string().max(100).optional(),
});

export const envelopeSchema = publishedEnvelopeSchema.extend(requestExtensionsSchema.shape);
export type Envelope = z.infer<typeof envelopeSchema>;

/** One event of a known type: the envelope with its data typed. */
export type CrucibleEvent<T extends EventType = CurrentEventType> = {
  [K in T]: Omit<Envelope, 'type' | 'data'> & { readonly type: K; readonly data: EventData<K> };
}[T];

/** Who acts, on whose behalf, in answer to what. `correlationId` joins everything one submission caused. */
export interface Origin {
  readonly source: string;
  readonly team: string;
  readonly actor: string;
  readonly correlationId: string;
  readonly causationId?: string | undefined;
  readonly traceparent?: string | undefined;
  readonly authMethod?: string | undefined;
  readonly clientAddress?: string | undefined;
}

/** The facts an event is made of besides its data; time and id come from the edge. */
export interface Stamp {
  readonly id: string;
  readonly nowMs: number;
  readonly subject: string;
  readonly origin: Origin;
}

/** An event that a decision asks for, before it has an id, a time and a place in the log. */
export type NewEvent<T extends EventType = CurrentEventType> = {
  [K in T]: { readonly type: K; readonly data: EventData<K> };
}[T];

/**
 * Makes the event that will be stored. Its data is parsed against the catalogue, so a malformed fact cannot enter the log.
 * @throws ZodError when data does not fit its type
 */
export const envelop = <T extends EventType>(event: NewEvent<T>, stamp: Stamp): CrucibleEvent<T> => {
  const { origin } = stamp;
  return {
    specversion: '1.0',
    id: stamp.id,
    source: `/crucible/${origin.source}`,
    type: event.type,
    subject: stamp.subject,
    time: new Date(stamp.nowMs).toISOString(),
    datacontenttype: 'application/json',
    team: origin.team,
    actor: origin.actor,
    correlationid: origin.correlationId,
    ...(origin.causationId === undefined ? {} : { causationid: origin.causationId }),
    ...(origin.traceparent === undefined ? {} : { traceparent: origin.traceparent }),
    ...(origin.authMethod === undefined ? {} : { authmethod: origin.authMethod }),
    ...(origin.clientAddress === undefined ? {} : { clientaddress: origin.clientAddress }),
    data: catalogue[event.type].parse(event.data),
  } as CrucibleEvent<T>;
};
