import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventTypes } from './catalogue.ts';
import { exampleEvent } from './contract/example-event.ts';
import { decode, decodeJson, decodeStored } from './decode.ts';
import { envelop, eventBytesMax } from './envelope.ts';
import type { NewEvent } from './envelope.ts';
import { examples } from './examples.ts';
import { evaluationIdSchema } from './ids.ts';
import { subjects } from './subjects.ts';
import { upcasts } from './upcast.ts';

const id = '017f22e2-79b0-7cc3-98c4-dc0c0c07398f';
const evaluationId = evaluationIdSchema.parse(id);
const origin = { source: 'test', team: 'default', actor: 'user:local', correlationId: id };
const made = eventTypes.map((type) =>
  envelop({ type, data: examples[type].data } as NewEvent, {
    id,
    nowMs: 1_700_000_000_000,
    subject: 'crucible.events.test',
    origin,
  }),
);
const bodies = made.map((event) => new TextEncoder().encode(JSON.stringify(event)));

describe('decode', () => {
  it('never throws on arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (body) => {
        expect(decode(body).ok).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  it('never throws on arbitrary JSON', () => {
    fc.assert(
      fc.property(fc.json({ depthSize: 'medium' }), (text) => {
        expect(decode(new TextEncoder().encode(text)).ok).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  it('never throws on a good event with bytes changed, lost or added', () => {
    const edit = fc.record({ at: fc.nat(2_000), drop: fc.nat(3), insert: fc.uint8Array({ maxLength: 3 }) });
    fc.assert(
      fc.property(fc.constantFrom(...bodies), fc.array(edit, { minLength: 1, maxLength: 4 }), (body, edits) => {
        let bytes = [...body];
        for (const { at, drop, insert } of edits) bytes = bytes.toSpliced(at % bytes.length, drop, ...insert);
        expect(typeof decode(Uint8Array.from(bytes)).ok).toBe('boolean');
      }),
      { numRuns: 2_000 },
    );
  });

  it('never throws on a good event with a field replaced', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...made),
        fc.nat(12),
        fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true }),
        fc.boolean(),
        (event, at, value, inside) => {
          const target: Record<string, unknown> = inside ? { ...event.data } : { ...event };
          const keys = Object.keys(target);
          target[keys[at % keys.length] ?? ''] = value;
          expect(typeof decodeJson(inside ? { ...event, data: target } : target).ok).toBe('boolean');
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('names what is wrong', () => {
    const text = (json: unknown) => new TextEncoder().encode(JSON.stringify(json));
    const [event] = made;
    expect(decode(new Uint8Array(eventBytesMax + 1))).toMatchObject({ failure: 'oversize' });
    expect(decode(Uint8Array.of(0xff))).toMatchObject({ failure: 'not-json' });
    expect(decode(text({ ...event, id: 'x' }))).toMatchObject({ failure: 'bad-envelope' });
    expect(decode(text({ ...event, type: 'crucible.evaluation.submitted.v99' }))).toMatchObject({
      failure: 'unknown-type',
    });
    expect(decode(text({ ...event, data: {} }))).toMatchObject({ failure: 'bad-data' });
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', ''])('does not know the type %j', (type) => {
    expect(decodeJson({ ...made[0], type })).toMatchObject({ ok: false, failure: 'unknown-type' });
  });

  it('bears nesting as deep as an event can be long', () => {
    const depth = Math.floor(eventBytesMax / 2) - 1;
    expect(decode(new TextEncoder().encode('['.repeat(depth) + ']'.repeat(depth)))).toMatchObject({
      failure: 'bad-envelope',
    });
    expect(decode(new TextEncoder().encode('['.repeat(eventBytesMax)))).toMatchObject({ failure: 'not-json' });
  });

  it('keeps its complaint short, whatever it was given', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1_000, maxLength: 20_000 }),
        fc.constantFrom('id', 'type', 'time', 'data', 'team'),
        (long, key) => {
          const decoded = decode(new TextEncoder().encode(JSON.stringify({ ...made[0], [key]: long })));
          expect(decoded.ok ? '' : decoded.detail.length).toSatisfy(
            (length: number | string) => Number(length) <= 2_000,
          );
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('envelop', () => {
  it('lets no malformed fact into the log', () => {
    const stamp = { id, nowMs: 0, subject: 's', origin };
    expect(() =>
      envelop({ type: 'crucible.evaluation.admitted.v1', data: { evaluationId, concurrency: 0 } }, stamp),
    ).toThrow();
    expect(() =>
      envelop(
        {
          type: 'crucible.evaluation.completed.v1',
          data: {
            evaluationId,
            status: 'completed',
            trials: { total: 1, passed: 2, failed: 0, errored: 0, withdrawn: -1 },
            score: 2,
          },
        },
        stamp,
      ),
    ).toThrow();
  });
});

describe('a message as it stands in the log', () => {
  const text = (event: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(event));
  const trial = exampleEvent('crucible.trial.finished.v2');

  it.each(eventTypes)('%s is read on its own subject', (type) => {
    const event = exampleEvent(type);
    const toldAs = Object.entries(upcasts).find(([from]) => from === type)?.[1].to ?? type;
    expect(decodeStored(event.subject, text(event))).toMatchObject({ ok: true, event: { type: toldAs } });
  });

  it.each(eventTypes)('a trial’s end is none on the subject of %s', (type) => {
    const { subject } = exampleEvent(type);
    if (subject === trial.subject) return;
    expect(decodeStored(subject, text(trial))).toMatchObject({ ok: false, failure: 'misplaced' });
    expect(decodeStored(subject, text({ ...trial, subject }))).toMatchObject({ ok: false, failure: 'misplaced' });
  });

  it('is another trial’s on another trial’s subject', () => {
    const subject = trial.subject.replace(/[^.]+$/, '9-9-9');
    expect(decodeStored(subject, text({ ...trial, subject }))).toMatchObject({ ok: false, failure: 'misplaced' });
  });

  it('is a service’s dead letter on that service’s subject only', () => {
    const letter = exampleEvent('crucible.dead-letter.recorded.v1');
    const subject = subjects.deadLetters('scheduler');
    expect(decodeStored(subject, text({ ...letter, subject }))).toMatchObject({ ok: false, failure: 'misplaced' });
    const own = letter.subject;
    const others = { ...letter, data: { ...letter.data, consumer: 'scheduler/schedule' } };
    expect(decodeStored(own, text(letter)).ok).toBe(true);
    expect(decodeStored(own, text(others))).toMatchObject({ ok: false, failure: 'misplaced' });
  });

  it('is none behind a byte order mark', () => {
    const marked = Uint8Array.of(0xef, 0xbb, 0xbf, ...text(trial));
    expect(decodeStored(trial.subject, marked)).toMatchObject({ ok: false, failure: 'not-json' });
  });
});
