import { envelop, subjects } from '@crucible/events';
import type { CrucibleEvent, EvaluationId } from '@crucible/events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestNatsServer } from '../testing/index.ts';
import type { Bus } from './connection.ts';
import { NatsControl } from './control.ts';

const id = '019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f';
const stopped = (reason: string): CrucibleEvent<'crucible.stop.engaged.v1'> =>
  envelop<'crucible.stop.engaged.v1'>(
    { type: 'crucible.stop.engaged.v1', data: { stopId: id, scope: { kind: 'platform' }, reason } },
    {
      id,
      nowMs: 0,
      subject: subjects.platform('stop'),
      origin: { source: 'gateway', team: 'default', actor: 'user:local', correlationId: id },
    },
  );

let server: TestNatsServer;
let speaker: Bus;
let listener: Bus;
beforeAll(async () => {
  server = await TestNatsServer.start();
  [speaker, listener] = [await server.bus('speaker'), await server.bus('listener')];
});
afterAll(async () => {
  await Promise.all([speaker, listener].map((bus) => bus.nc.close()));
  await server.stop();
});

it('brings cancels and stops across, and nothing that is neither', async () => {
  const heard: string[] = [];
  const control = new NatsControl(listener);
  control.onCancel((evaluationId) => void heard.push(`cancel ${evaluationId}`));
  const last = new Promise<void>((resolve) =>
    control.onStop(({ data }) => {
      heard.push(`stop ${data.reason}`);
      if (data.reason === 'last') resolve();
    }),
  );
  await listener.nc.flush();
  const said = new NatsControl(speaker);
  said.cancel(id as EvaluationId);
  speaker.nc.publish(subjects.controlCancel('no id' as EvaluationId).replace(' ', '_'));
  for (const body of [
    '',
    'no event',
    JSON.stringify({ ...stopped('elsewhere'), subject: 'crucible.events.platform.executor' }),
  ])
    speaker.nc.publish(subjects.controlStop, new TextEncoder().encode(body));
  said.stop(stopped('first'));
  said.stop(stopped('last'));
  await last;
  expect(heard).toEqual([`cancel ${id}`, 'stop first', 'stop last']);
});
