import { judge } from '@crucible/domain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DockerSandboxEngine } from '../engine.ts';
import { openGround, type Ground, type RecordLine } from '../../kernel-watch/guest.fixture.ts';
import type { Attachment } from '../../kernel-watch/watch.ts';
import { openSession, testSessions } from './session.fixture.ts';

let ground: Ground;
let engine: DockerSandboxEngine;
beforeAll(() => {
  ground = openGround();
  engine = testSessions(ground.runtime);
});
afterAll(async () => {
  await engine.drain();
  expect(await engine.list()).toEqual([]);
  ground.watch.close();
});

/** Processes that descend from one, itself included. */
const descendants = (root: number, records: readonly RecordLine[]): Set<number> => {
  const found = new Set([root]);
  for (const act of records) if (act.kind === 'spawn' && found.has(act.tgid)) found.add(act.childTgid);
  return found;
};

describe('what the kernel saw of a session', () => {
  it('belongs to the call that did it, and nothing of ours looks like an attempt', async () => {
    const lines: string[] = [];
    let attachment: Attachment | undefined;
    const opened = await openSession(engine, {}, (containerId) => {
      attachment = ground.watch.attach(containerId, { onRecords: (batch) => void lines.push(batch.lines) });
    });
    const [one, other] = await Promise.all([
      opened.sh('(cat /etc/hostname > /work/of-one) & wait'),
      opened.sh('sh -c "cat /etc/passwd > /work/of-other"; sleep 0.3'),
    ]);
    await opened.sh('sleep 500', { timeoutMsMax: 500 });
    await opened.session.writeFile('given/file', Buffer.from('x'), 0o644);
    await opened.session.readFile('given/file', 10);
    await opened.session.forward(8_080, (connection) => connection.destroy(), { bytesMax: 1_000 });
    await opened.session.snapshot({ bytesMax: 100_000, still: true });
    await opened.session.close();
    const report = await attachment?.close();
    const records = lines
      .join('')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as RecordLine);
    const writerOf = (path: string) => records.find((act) => act.kind === 'open' && act.path === path && act.write);
    for (const [said, path] of [
      [one, '/work/of-one'],
      [other, '/work/of-other'],
    ] as const) {
      const act = writerOf(path);
      expect(descendants(said.processId ?? 0, records), path).toContain(act?.tgid);
      expect(act?.at).toBeGreaterThanOrEqual(said.startedAt - 1);
      expect(act?.at).toBeLessThanOrEqual(said.endedAt + 1);
    }
    expect(one.processId).not.toBe(other.processId);
    expect(descendants(one.processId ?? 0, records)).not.toContain(writerOf('/work/of-other')?.tgid);
    expect(report).toMatchObject({ observed: true, dropped: 0, malformed: 0, concealed: 0 });
    if (report !== undefined)
      expect(judge(report), JSON.stringify(report.findings)).toEqual({ verdict: 'contained', findings: [] });
  });
});
