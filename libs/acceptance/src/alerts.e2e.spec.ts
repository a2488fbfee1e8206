import type { AlertList, RecordPage } from '@crucible/api';
import type { AlertView } from '@crucible/domain';
import { beforeAll, describe, expect, it } from 'vitest';
import { endOf, submit } from './support/api.ts';
import { crucible, crucibleJson } from './support/cli.ts';
import { sample, scratch, suiteOf } from './support/suites.ts';
import { escapes } from './support/text.ts';
import { waitFor } from './support/wait.ts';

/** It reaches for what it must not have, and for a file whose name steers a terminal. */
const nosy = [
  'print("hello, I am harmless", flush=True)',
  'import socket',
  's = socket.socket(socket.AF_UNIX)',
  'try: s.connect("/var/run/docker.sock")',
  'except OSError as error: print("engine:", error, flush=True)',
  'try: open("/srv/\\x1b[2J\\u202e/.ssh/id_rsa")',
  'except OSError as error: print("key:", error.errno, flush=True)',
  '',
].join('\n');
const evilNote = 'a drill \u001b[2J\u202e<b>';

let id: string;
beforeAll(async () => {
  ({ id } = await submit({ suite: suiteOf([sample('nosy', nosy), sample('quiet', 'print(1)')], { title: 'Nosy' }) }));
  await endOf(id);
});

const alerts = (...more: string[]): Promise<AlertList> => crucibleJson(['alerts', '--evaluation', id, ...more]);
const alertOf = async (rule: string): Promise<AlertView> => {
  const { items } = await alerts('--rule', rule);
  const [alert] = items;
  if (alert === undefined) throw new Error(`${rule} was not raised`);
  return alert;
};
const unknown = '00000000-0000-7000-8000-000000000000';

describe('alerts on the command line', () => {
  it('are listed with all that the page of alerts says, and steer no terminal', async () => {
    const { code, stdout } = await crucible(['alerts', '--evaluation', id.slice(0, 13)]);
    expect(code).toBe(0);
    const lines = stdout.split('\n');
    const head = lines.findIndex((line) => line.includes('engine-socket-called@1'));
    expect(lines[head]).toMatch(/^[0-9a-f-]{18} {2}high {6}engine-socket-called@1 {2}The socket of a container engine/);
    expect(lines[head + 1]).toContain('/var/run/docker.sock');
    expect(lines[head + 2]).toMatch(new RegExp(`^ {2}${id.slice(0, 13)} 0-1-1 · 1 time · 20.* · open$`));
    expect(stdout).toContain('␛[2J\\u202e/.ssh/id_rsa');
    expect(stdout).toMatch(/open in all: .*\d+ high/);
    expect(escapes(stdout)).toEqual([]);
  });

  it('are those that the options choose, newest first, as far as the limit', async () => {
    const { items } = await alerts();
    expect(items.length).toBeGreaterThanOrEqual(2);
    const positions = items.map(({ raisedPosition }) => raisedPosition);
    expect(positions).toEqual(positions.toSorted((a, b) => b - a));
    expect((await alerts('--trial', 'nosy')).items).toEqual(items);
    expect((await alerts('--trial', 'quiet')).items).toEqual([]);
    expect((await alerts('--severity', 'low')).items).toEqual([]);
    expect((await alerts('--severity', 'low,high')).items.length).toBeGreaterThanOrEqual(2);
    expect((await alerts('--at', String(positions.at(-1)))).items).toEqual(items.slice(-1));
    const one = await alerts('--limit', '1');
    expect(one).toMatchObject({ items: items.slice(0, 1), nextCursor: expect.any(String) });
    const { stdout } = await crucible(['alerts', '--evaluation', id, '--limit', '1']);
    expect(stdout).toContain('older ones are not shown: --limit 4');
    expect((await crucible(['alerts', '--evaluation', id, '--severity', 'low'])).stdout).toContain('No such alerts.');
  });

  it('are acknowledged once, by the beginning of an id, with a note that steers no terminal', async () => {
    const alert = await alertOf('engine-socket-called');
    const acknowledged = await crucibleJson(['alerts', 'ack', alert.id.slice(0, 23), '--note', evilNote]);
    expect(acknowledged).toEqual({ id: alert.id, note: evilNote, position: expect.any(Number) });
    await waitFor('the alert to be acknowledged', async () =>
      (await alerts('--unacknowledged')).items.every((each) => each.id !== alert.id),
    );
    const { stdout } = await crucible(['alerts', '--evaluation', id, '--rule', 'engine-socket-called']);
    expect(stdout).toContain('acknowledged by user:local: a drill ␛[2J\\u202e<b>');
    expect(escapes(stdout)).toEqual([]);
    const again = await crucible(['alerts', 'ack', alert.id, '--note', 'once more']);
    expect(again).toMatchObject({ code: 1, stdout: '' });
    expect(again.stderr).toContain(`Alert ${alert.id} was acknowledged by user:local at 20`);
    const other = await crucible(['alerts', 'ack', (await alertOf('ssh-key-read')).id, '--note', 'looked at']);
    expect(other).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Acknowledged alert .* position \d+\.\n$/) });
  });

  it.each([
    ['an alert that there is not', ['ack', unknown, '--note', 'x'], `There is no alert ${unknown}`],
    ['a beginning that no id has', ['ack', 'ffffffff', '--note', 'x'], 'no alert id begins with ffffffff'],
    ['what is no id', ['ack', 'seven', '--note', 'x'], 'that is no id of an alert'],
    ['no note', ['ack', unknown], 'say what you found: --note'],
    ['an empty note', ['ack', unknown, '--note', '  '], '--note: must say what you found'],
    ['a note that is too long', ['ack', unknown, '--note', 'x'.repeat(2_001)], '--note: '],
    ['no severity', ['--severity', 'dreadful'], '--severity dreadful: must be of low, medium, high, critical'],
    ['no capability', ['--capability', 'flight'], 'flight'],
    ['a trial of nothing', ['--trial', 'nosy'], 'add --evaluation'],
    ['a limit of nothing', ['--limit', '0'], '--limit 0: must be a whole number'],
    ['a position beyond the log', ['--at', '99999999'], 'there is no position 99999999 yet'],
    ['an argument it does not take', ['everything'], 'too many arguments'],
  ])('are refused with exit code 2 for %s', async (_, argv, message) => {
    const { code, stdout, stderr } = await crucible(['alerts', ...argv]);
    expect(stderr).toContain(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  it('need a platform that is up: exit code 3', async () => {
    const env = { CRUCIBLE_HOME: `${scratch()}/home` };
    for (const argv of [['alerts'], ['alerts', 'ack', unknown, '--note', 'x'], ['kernel', unknown, '--trial', '0-1-1']])
      expect(await crucible(argv, { env })).toMatchObject({ code: 3, stdout: '' });
  });
});

describe('what the kernel saw, on the command line', () => {
  interface Kernel extends RecordPage {
    readonly leftOut: number | null;
  }
  const kernel = (...more: string[]): Promise<Kernel> => crucibleJson(['kernel', id, '--trial', 'nosy', ...more]);

  it('is a line a record on the trial’s clock, the proof first, refusals named, no terminal steered', async () => {
    const { code, stdout } = await crucible(['kernel', id.slice(0, 13), '--trial', '0-1-1', '--limit', '5000']);
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[1]).toMatch(/^ *[+-]\d+\.\d{6} s {8}0 {2}preflight {2}\d+ checks held$/);
    expect(stdout).toMatch(/^ *\+\d+\.\d{6} s +\d+ {2}connect {4}\/var\/run\/docker\.sock {2}E[A-Z]+$/m);
    expect(stdout).toContain('␛[2J\\u202e/.ssh/id_rsa');
    expect(escapes(stdout)).toEqual([]);
    const { total } = await kernel();
    expect(lines.at(-1)).toMatch(new RegExp(`^${total} of ${total} records: \\d+ open`));
  });

  it('comes in pages that join, of the kinds that were asked for, with what was left out', async () => {
    const all = await kernel('--limit', '5000');
    expect(all).toMatchObject({ next: null, complete: true, leftOut: 0, unreadable: 0, index: 0 });
    expect(all.records).toHaveLength(all.total);
    const first = await kernel('--limit', '7');
    expect(first.records).toEqual(all.records.slice(0, 7));
    const rest = await kernel('--limit', '5000', '--after', String(first.next));
    expect([...first.records, ...rest.records]).toEqual(all.records);
    const { stdout } = await crucible(['kernel', id, '--trial', 'nosy', '--limit', '7']);
    expect(stdout).toContain(`there are more: --after ${first.next}`);
    const connects = await kernel('--kind', 'connect,bind');
    expect(connects.records).toEqual(all.records.filter(({ kind }) => kind === 'connect' || kind === 'bind'));
    expect(connects.matching).toBe(connects.records.length);
  });

  it('is found from an alert’s evidence', async () => {
    const { evidence } = await alertOf('engine-socket-called');
    const n = evidence[0]?.record ?? -1;
    const { records } = await kernel('--around', String(n), '--limit', '1');
    expect(records).toMatchObject([{ n, kind: 'connect', address: '/var/run/docker.sock' }]);
  });

  it.each([
    ['an unknown trial', ['--trial', 'nobody'], 'this evaluation has no trial nobody'],
    ['no trial', [], "required option '--trial <trial>'"],
    ['no kinds', ['--trial', 'nosy', '--kind', 'OPEN'], '--kind OPEN: must be kinds of records'],
    ['two beginnings', ['--trial', 'nosy', '--after', '1', '--around', '2'], '--after and --around'],
    ['a beginning that is none', ['--trial', 'nosy', '--after', '-1'], '--after -1: must be a whole number from 0'],
    ['a limit of nothing', ['--trial', 'nosy', '--limit', '0'], '--limit 0: must be a whole number from 1'],
  ])('is refused with exit code 2 for %s', async (_, argv, message) => {
    const { code, stdout, stderr } = await crucible(['kernel', id, ...argv]);
    expect(stderr).toContain(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});

describe('show', () => {
  it('counts an evaluation’s alerts and lists the worst', async () => {
    const { code, stdout } = await crucible(['show', id]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^alerts {7}(?:\d+ critical, )?\d+ high/m);
    expect(stdout).toMatch(/^high +engine-socket-called@1 +0-1-1 {2}\S/m);
    expect(stdout).toContain(`./crucible alerts --evaluation ${id.slice(0, 13)}`);
    expect(escapes(stdout)).toEqual([]);
  });

  it('tells a trial’s alerts with the evidence they rest on', async () => {
    const { evidence } = await alertOf('engine-socket-called');
    const { stdout } = await crucible(['show', id, '--trial', 'nosy']);
    expect(stdout).toMatch(new RegExp(`^ {4}kernel:${evidence[0]?.record} +\\+\\d+\\.\\d{3} s {2}connect`, 'm'));
    expect(escapes(stdout)).toEqual([]);
    expect((await crucible(['show', id, '--trial', 'quiet'])).stdout).toMatch(/^alerts {7}none$/m);
  });
});
