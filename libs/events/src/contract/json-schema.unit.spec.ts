import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { CloudEvent, HTTP } from 'cloudevents';
import { describe, expect, it } from 'vitest';
import { eventTypes } from '../catalogue.ts';
import { decodeJson } from '../decode.ts';
import { currentEventTypes } from '../upcast.ts';
import { exampleEvent } from './example-event.ts';
import { eventJsonSchema } from './json-schema.ts';

const ajv = new Ajv2020({ strict: true, allErrors: true });
formats.default(ajv);

const wrongs: readonly (readonly [string, (event: Record<string, unknown>) => object])[] = [
  ['another version of CloudEvents', (event) => ({ ...event, specversion: '0.3' })],
  ['an id that is no UUID', (event) => ({ ...event, id: 'x' })],
  ['a time without milliseconds', (event) => ({ ...event, time: '2026-01-15T09:30:00Z' })],
  ['no data', ({ data: _, ...event }) => event],
  ['data of nothing', (event) => ({ ...event, data: {} })],
  ['data that is a list', (event) => ({ ...event, data: [] })],
];

describe.each(eventTypes)('%s', (type) => {
  const accepts = ajv.compile(eventJsonSchema(type));
  const event = exampleEvent(type);

  it('its schema accepts its example, as the decoder does', () => {
    expect(accepts(event), JSON.stringify(accepts.errors)).toBe(true);
    const decoded = decodeJson(event);
    expect(decoded.ok).toBe(true);
    // What is written in an older version is told in the newest.
    if ((currentEventTypes as readonly string[]).includes(type)) expect(decoded).toEqual({ ok: true, event });
  });

  it.each(wrongs)('its schema refuses %s, as the decoder does', (_, spoil) => {
    const spoilt = spoil({ ...event });
    expect(accepts(spoilt)).toBe(false);
    expect(decodeJson(spoilt).ok).toBe(false);
  });

  it('its schema refuses another type and fields that nobody writes', () => {
    expect(accepts({ ...event, type: 'crucible.other.happened.v1' })).toBe(false);
    expect(accepts({ ...event, data: { ...event.data, beside: 1 } })).toBe(false);
  });

  it('parses with the public cloudevents package, which is strict about the specification', () => {
    const body = JSON.stringify(event);
    const headers = { 'content-type': 'application/cloudevents+json; charset=utf-8' };
    const parsed = HTTP.toEvent({ headers, body });
    expect(parsed).toBeInstanceOf(CloudEvent);
    const one = parsed as CloudEvent;
    expect(one.validate()).toBe(true);
    expect(new CloudEvent({ ...event } as Record<string, unknown>, true).validate()).toBe(true);
    expect(JSON.parse(JSON.stringify(one))).toEqual(event);
  });
});
