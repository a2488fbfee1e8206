import { describe, expect, it } from 'vitest';
import { catalogue, eventTypes } from './catalogue.ts';
import { decodeJson } from './decode.ts';
import { envelop } from './envelope.ts';
import type { NewEvent } from './envelope.ts';
import { examples } from './examples.ts';
import { currentEventTypes } from './upcast.ts';

describe('examples', () => {
  it('has one for every type and none beside', () => {
    expect(Object.keys(examples).sort()).toEqual([...eventTypes].sort());
  });

  it.each(eventTypes)('%s is what the catalogue accepts, unchanged', (type) => {
    expect(catalogue[type].parse(examples[type].data)).toEqual(examples[type].data);
  });

  it.each(currentEventTypes)('%s survives being written and read', (type) => {
    const id = '019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f';
    const stamp = {
      id,
      nowMs: 0,
      subject: 'crucible.events.x',
      origin: { source: 'test', team: 't', actor: 'a', correlationId: id },
    };
    const event = envelop({ type, data: examples[type].data } as NewEvent, stamp);
    expect(decodeJson(JSON.parse(JSON.stringify(event)))).toEqual({ ok: true, event });
  });
});
