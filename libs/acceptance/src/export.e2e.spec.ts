import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { headerShape, logShape, sampleShape, summaryShape, unzip } from '@crucible/inspect-log/testing';
import type { Log, LogSample } from '@crucible/inspect-log/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { cancel, endOf, request, submit, trialsOf } from './support/api.ts';
import { allReady, crucible, crucibleJson, jsonLines } from './support/cli.ts';
import { sample, scratch, sleepers, suiteOf } from './support/suites.ts';
import { waitFor } from './support/wait.ts';

const run = async (argv: readonly string[]): Promise<string> => {
  const { stdout, stderr } = await crucible(['run', ...argv, '--no-start', '--json'], { timeoutMs: 120_000 });
  const id = jsonLines(stdout).at(-1)?.['evaluationId'];
  if (typeof id !== 'string') throw new Error(stderr);
  return id;
};
const readLog = (path: string): Log => logShape.parse(JSON.parse(readFileSync(path, 'utf8')));
const exported = async (id: string): Promise<Log> => {
  const out = join(scratch(), 'log.json');
  await crucibleJson(['export', id, '--out', out]);
  return readLog(out);
};
const kinds = ({ events }: LogSample): string[] => events.map(({ event }) => event);
const infoOf = ({ events }: LogSample, about: string): unknown[] =>
  events.flatMap((event) => (event.event === 'info' && event.source === `crucible/${about}` ? [event.data] : []));

describe('export', () => {
  let model = '';
  const folder = scratch();
  const json = join(folder, 'log.json');
  const archive = join(folder, 'log.eval');

  beforeAll(async () => {
    await allReady();
    model = await run(['access-flag', '--sample', 'asked', '--epochs', '2', '--model', 'scripted/intruder']);
  }, 180_000);

  it('writes an evaluation of a model as a log of Inspect’s: what was said, called, scored and used', async () => {
    const told = await crucibleJson<{ bytes: number }>(['export', model.slice(0, 13), '--out', json]);
    expect(told).toEqual({
      ...{ evaluationId: model, format: 'inspect', as: 'json', file: json, samples: 2 },
      bytes: statSync(json).size,
    });
    expect(statSync(json).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['log.json']);
    const log = readLog(json);
    expect(log).toMatchObject({
      status: 'success',
      eval: { task: 'access-flag', model: 'scripted/intruder', config: { epochs: 2 } },
      results: { total_samples: 2, completed_samples: 2 },
    });
    expect(log.results?.scores).toMatchObject([{ name: 'includes', metrics: { accuracy: { value: 1 } } }]);
    expect(log.samples.map(({ id, epoch }) => [id, epoch])).toEqual([
      ['asked', 1],
      ['asked', 2],
    ]);
  }, 120_000);

  it('says the same as the transcript, the calls and the views', async () => {
    const [first] = readLog(json).samples;
    if (first === undefined) throw new Error('no sample');
    const path = `/api/v1/evaluations/${model}/trials/0-1-1`;
    const answer = async <T>(of: string): Promise<T> => (await (await request(`${path}/${of}`)).json()) as T;
    const { records } = await answer<{ records: { kind: string; message: { content: string } }[] }>('transcript');
    const { items } = await answer<{ items: { kind: string; kernel?: { from: number } | null }[] }>('calls');
    const said = records.filter(({ kind }) => kind === 'message').map(({ message }) => message.content);
    expect(first.messages.map(({ content }) => content)).toEqual(said);
    expect(kinds(first).filter((kind) => kind === 'model' || kind === 'tool')).toEqual(items.map(({ kind }) => kind));
    expect(kinds(first).filter((kind) => kind === 'tool').length).toBeGreaterThan(1);
    const spans = items.flatMap(({ kernel }) => kernel?.from ?? []);
    expect(infoOf(first, 'kernel-span').map((span) => (span as { from_record: number }).from_record)).toEqual(spans);
    const [trial] = await trialsOf(model);
    expect(infoOf(first, 'verdict')).toMatchObject([{ verdict: trial?.verdict, reason: 'completed' }]);
    expect(infoOf(first, 'evidence')).toMatchObject([{ seals: trial?.evidence, unread: [] }]);
    expect(infoOf(first, 'preflight')).toEqual([trial?.preflight]);
    expect(first.model_usage['scripted/intruder']?.total_tokens).toBe(
      (trial?.usage.inputTokens ?? 0) + (trial?.usage.outputTokens ?? 0),
    );
    const every = first.events.flatMap((event) => (event.event === 'model' ? (event.input_refs ?? []) : []));
    for (const [, end] of every) expect(end).toBeLessThanOrEqual(first.events_data?.messages.length ?? 0);
  }, 120_000);

  it('writes the same as an archive, which does not change', async () => {
    await crucibleJson(['export', model, '--out', archive]);
    const log = readLog(json);
    const entries = unzip(readFileSync(archive));
    const read = (name: string): unknown => JSON.parse(entries.get(name)?.toString('utf8') ?? 'null');
    const { samples, reductions, ...header } = log;
    expect(headerShape.parse(read('header.json'))).toEqual(header);
    expect(samples.map(({ id, epoch }) => sampleShape.parse(read(`samples/${id}_epoch_${epoch}.json`)))).toEqual(
      samples,
    );
    expect(summaryShape.array().parse(read('summaries.json'))).toHaveLength(2);
    expect(read('reductions.json')).toEqual(reductions);
    const again = join(folder, 'again.eval');
    await crucibleJson(['export', model, '--out', again]);
    expect(readFileSync(again).equals(readFileSync(archive))).toBe(true);
  }, 120_000);

  it('replaces no file unasked, and prints to standard output what a file would hold', async () => {
    const before = readFileSync(json);
    const there = await crucible(['export', model, '--out', json]);
    expect(there).toMatchObject({ code: 2, stderr: expect.stringMatching(/is there already[^]*--force/) as string });
    const absent = await crucible(['export', model, '--out', join(folder, 'absent', 'log.json')]);
    expect(absent).toMatchObject({ code: 2, stderr: expect.stringContaining('ENOENT') as string });
    expect(readFileSync(json).equals(before)).toBe(true);
    const { code, stdout } = await crucible(['export', model, '--out', '-']);
    expect(code).toBe(0);
    expect(logShape.parse(JSON.parse(stdout)).samples).toHaveLength(2);
  }, 120_000);

  it('writes a table of trials', async () => {
    const csv = await crucible(['export', model, '--format', 'csv', '--out', '-']);
    const [head, ...rows] = csv.stdout.trimEnd().split('\r\n');
    expect(head).toMatch(/^evaluation,trial,sample,epoch,attempt,/);
    expect(rows.map((row) => row.split(',').slice(0, 5))).toEqual([
      [model, '0-1-1', 'asked', '1', '1'],
      [model, '0-2-1', 'asked', '2', '1'],
    ]);
    const table = await crucible(['export', model, '--format', 'json', '--out', '-']);
    expect(JSON.parse(table.stdout)).toMatchObject({ evaluation: { id: model }, trials: [{ epoch: 1 }, { epoch: 2 }] });
  }, 120_000);

  it('writes evaluations of programs, with what they printed and how they ended', async () => {
    const suite = suiteOf([
      sample('../../escape', 'import sys\nsys.stdout.buffer.write(b"\\x1b[31m\\xff ok")\nsys.exit(3)'),
      sample('HumanEval/0', 'print("fine")'),
    ]);
    const { id } = await submit({ suite });
    await endOf(id, 60_000);
    const log = await exported(id);
    expect(log.eval).toMatchObject({ model: 'none/none', solver: 'program' });
    const [escape, fine] = log.samples;
    expect(escape).toMatchObject({ id: '%2E%2E%2F%2E%2E%2Fescape', metadata: { crucible_sample_id: '../../escape' } });
    expect(fine?.id).toBe('HumanEval/0');
    const ran = escape?.events.find(({ event }) => event === 'sandbox');
    expect(ran).toMatchObject({ action: 'exec', cmd: 'python', result: 3, output: '\u001b[31m\ufffd ok' });
    expect(escape?.scores?.['exit-code']?.value).toBe(0);
    expect(fine?.scores?.['exit-code']?.value).toBe(1);
    const out = join(scratch(), 'programs.eval');
    await crucibleJson(['export', id, '--out', out]);
    const names = [...unzip(readFileSync(out)).keys()];
    expect(names).toContain('samples/HumanEval/0_epoch_1.json');
    expect(names.filter((name) => name.split('/').includes('..'))).toEqual([]);
  }, 120_000);

  it('says of a cancelled evaluation that it was, with what had begun', async () => {
    const { id } = await submit({ suite: suiteOf(sleepers(3, 30), { concurrency: 1 }) });
    await waitFor('a trial to run', async () => (await trialsOf(id)).some(({ status }) => status === 'running'));
    expect((await exported(id)).status).toBe('started');
    expect((await cancel(id, 'enough')).status).toBe(202);
    await endOf(id, 60_000);
    const log = await exported(id);
    expect(log.status).toBe('cancelled');
    expect(log.samples[0]).toMatchObject({ limit: { type: 'operator' } });
    expect(log.samples.length).toBeLessThan(3);
  }, 120_000);

  it('says what was erased, and exports the rest', async () => {
    await crucibleJson(['erase', model, '--trial', '0-1-1', '--reason', 'it names a person']);
    await waitFor('the transcript to be gone', async () => {
      const { status } = await request(`/api/v1/evaluations/${model}/trials/0-1-1/transcript`);
      return status === 410;
    });
    await waitFor('the kernel’s side to be gone', async () => {
      const { status } = await request(`/api/v1/evaluations/${model}/trials/0-1-1/kernel`);
      return status === 410;
    });
    const [first, second] = (await exported(model)).samples;
    expect(first?.messages).toEqual([]);
    expect(infoOf(first as LogSample, 'evidence')).toMatchObject([
      {
        unread: [
          { channel: 'transcript', why: expect.stringMatching(/^erased, position \d+/) as string },
          { channel: 'kernel', why: expect.stringMatching(/^erased, position \d+/) as string },
        ],
      },
    ]);
    // What was called stands in the log for ever, without the words.
    expect(kinds(first as LogSample)).toContain('tool');
    expect(first?.scores?.['includes']?.value).toBe(1);
    expect(second?.messages.length).toBeGreaterThan(3);
    expect(existsSync(join(folder, '.log.json'))).toBe(false);
  }, 120_000);
});
