import { subjects } from '@crucible/events';
import type { EvaluationId, LiveMessage, TrialId } from '@crucible/events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestNatsServer } from '../testing/index.ts';
import type { Bus } from './connection.ts';
import { NatsLiveReplies } from './live-replies.ts';

const evaluationId = '019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f' as EvaluationId;
const place = { evaluationId, trialId: '0-1-1' as TrialId };
const delta = (text: string): LiveMessage => ({
  items: [{ type: 'delta', turn: 1, attempt: 1, kind: 'text', after: 0, text }],
});
const whole: LiveMessage = { items: [{ type: 'whole', turn: 1 }] };

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

it('brings what is told of one trial to all who listen to it, and nothing else', async () => {
  const replies = new NatsLiveReplies(listener);
  const heard: LiveMessage[] = [];
  const alsoHeard: LiveMessage[] = [];
  const last = Promise.withResolvers<void>();
  const leave = replies.listen(place, (message) => void heard.push(message));
  replies.listen(place, (message) => {
    alsoHeard.push(message);
    if (message.items[0]?.type === 'whole') last.resolve();
  });
  await listener.nc.flush();
  const said = new NatsLiveReplies(speaker);
  said.tell({ ...place, trialId: '1-1-1' as TrialId }, delta('of another trial'));
  for (const body of [
    '',
    'no JSON',
    '{"items":[]}',
    '{"items":[{"type":"delta","turn":1,"attempt":1,"kind":"html","text":""}]}',
  ])
    speaker.nc.publish(subjects.live(evaluationId, place.trialId), new TextEncoder().encode(body));
  said.tell(place, delta('half a \ud83d'));
  await expect.poll(() => heard.length).toBe(1);
  leave();
  said.tell(place, whole);
  await last.promise;
  expect(heard).toEqual([delta('half a \ud83d')]);
  expect(alsoHeard).toEqual([delta('half a \ud83d'), whole]);
});

it('is in no stream, and says nothing once its connection is closed', async () => {
  const bus = await server.bus('leaving');
  const replies = new NatsLiveReplies(bus);
  replies.tell(place, whole);
  await bus.nc.flush();
  for await (const { state, config } of bus.jsm.streams.list())
    expect([config.name, state.messages]).toEqual([config.name, 0]);
  await bus.nc.close();
  expect(() => replies.tell(place, whole)).not.toThrow();
});
