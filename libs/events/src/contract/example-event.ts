import { envelop } from '../envelope.ts';
import type { CrucibleEvent, NewEvent } from '../envelope.ts';
import type { EventType } from '../catalogue.ts';
import { examples } from '../examples.ts';
import { placeOf } from '../place.ts';

const id = '019ab3f0-61a4-7c1d-8f52-3b9d0a6c4e71';
const correlationId = '019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f';
const nowMs = Date.UTC(2026, 0, 15, 9, 30);

const stamped = (type: EventType, subject: string): CrucibleEvent<EventType> => {
  const { data, writtenBy: source } = examples[type];
  const actor = source === 'gateway' ? 'user:local' : `service:${source}`;
  const request = source === 'gateway' ? { authMethod: 'session', clientAddress: '192.0.2.7' } : {};
  const origin = { source, team: 'default', actor, correlationId, ...request };
  return envelop({ type, data } as NewEvent<EventType>, { id, nowMs, subject, origin });
};

/** The subject on which an event with this data stands. */
export const exampleSubject = (type: EventType): string => placeOf(stamped(type, ''));

/** One whole message of a type, envelope and data, as it could stand in the log. */
export const exampleEvent = (type: EventType): CrucibleEvent<EventType> => stamped(type, exampleSubject(type));
