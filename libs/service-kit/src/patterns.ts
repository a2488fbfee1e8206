import type { StoredEvent } from '@crucible/event-log';

/** Pattern of a message whose bytes are not an event we know, where its source puts nothing aside. */
export const UNDECODABLE = 'undecodable';

export const patternOf = (stored: StoredEvent): string => (stored.ok ? stored.event.type : UNDECODABLE);
export const traceOf = (stored: StoredEvent): string | undefined => (stored.ok ? stored.event.traceparent : undefined);
