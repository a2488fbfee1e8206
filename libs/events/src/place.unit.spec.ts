import { describe, expect, it } from 'vitest';
import { exampleEvent, exampleSubject } from './contract/example-event.ts';
import { decodeStored } from './decode.ts';
import { eventTypes } from './catalogue.ts';

const trials = 'crucible.events.evaluation.019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f.trial';
const trial = `${trials}.3-1-1`;
const bytesOf = (event: object): Uint8Array => new TextEncoder().encode(JSON.stringify(event));

describe('people and executors', () => {
  it('stand on subjects of their own: nobody writes the other’s part of a trial', () => {
    const placed = eventTypes.filter((type) => type.startsWith('crucible.trial.'));
    for (const type of placed) {
      const event = exampleEvent(type);
      const of = `${trials}.${(event.data as { trialId: string }).trialId}`;
      const own = event.source === '/crucible/gateway' ? `${of}.command` : of;
      expect(exampleSubject(type), type).toBe(own);
    }
  });

  it.each(['approve', 'reject', 'terminate'] as const)('%s is a person’s word wherever it stands', (kind) => {
    const event = exampleEvent('crucible.trial.approval-decided.v1');
    const said = { ...event, subject: trial, data: { ...event.data, decision: { kind } } };
    expect(decodeStored(trial, bytesOf(said))).toMatchObject({ ok: false, failure: 'misplaced' });
    const command = `${trial}.command`;
    expect(decodeStored(command, bytesOf({ ...said, subject: command }))).toMatchObject({ ok: true });
  });

  it('an expiry is the executor’s to tell, and no person’s', () => {
    const event = exampleEvent('crucible.trial.approval-decided.v1');
    const expired = { ...event, data: { ...event.data, decision: { kind: 'expired' } } };
    expect(decodeStored(event.subject, bytesOf(expired))).toMatchObject({ ok: false, failure: 'misplaced' });
    expect(decodeStored(trial, bytesOf({ ...expired, subject: trial }))).toMatchObject({ ok: true });
  });
});
