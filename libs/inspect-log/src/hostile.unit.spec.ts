import { describe, expect, it } from 'vitest';
import { agentSuite, bash } from './testing/examples.ts';
import { Story } from './testing/story.ts';
import { unzip } from './testing/unzip.ts';
import { written, writtenLog } from './testing/written.ts';

const model = { kind: 'model', model: 'scripted/intruder', provider: null } as const;
const first = { sampleIndex: 0 };
const started = (): Story => new Story(agentSuite({ epochs: 1 }), model).started(first);

describe('hostile words in a log', () => {
  it('stay data, whatever they look like', async () => {
    const words = '\u001b[31m</script>\u0000\u202e{"event":"info"}\n","events":[]}';
    const story = started();
    story.replies(first, words, [
      { id: '"},{', tool: '__proto__', input: { ['__proto__']: { x: 1 } }, inputText: '{}' },
    ]);
    story.answers(first, '"},{', words, { tool: '__proto__' }).finished(first);
    const [sample] = (await writtenLog(story.source())).samples;
    expect(sample?.messages.map(({ content }) => content)).toEqual([words, words]);
    expect(sample?.events.filter(({ event }) => event === 'tool')).toMatchObject([
      { function: '__proto__', result: words },
    ]);
    expect(sample?.output.completion).toBe(words);
  });

  it('lose no more than half characters', async () => {
    const story = started();
    story.replies(first, 'a\ud83db', [bash('c\udc00', 'echo \ud800')]);
    story.finished(first);
    const bytes = await written('json', story.source());
    expect(bytes.toString('utf8')).not.toMatch(/\\ud[89a-f]/i);
    const [sample] = (await writtenLog(story.source())).samples;
    expect(sample?.messages[0]).toMatchObject({ content: 'a\ufffdb', tool_calls: [{ id: 'c\ufffd' }] });
  });

  it('that nest too deep for readers, or are no object, are told as they were sent', async () => {
    const deep = `{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}`;
    const story = started();
    story.replies(first, '', [
      {
        id: 'deep',
        tool: 'bash',
        input: JSON.parse(`{"a":${'['.repeat(500)}${']'.repeat(500)}}`) as never,
        inputText: deep,
      },
      { id: 'list', tool: 'bash', input: [1], inputText: '[1]' },
      { id: 'none', tool: 'bash', input: null, inputText: '{"command": ' },
    ]);
    story.answers(first, 'none', 'that is no JSON', { status: 'invalid-arguments' }).finished(first);
    const [sample] = (await writtenLog(story.source())).samples;
    const [said] = sample?.messages ?? [];
    const calls = said?.role === 'assistant' ? (said.tool_calls ?? []) : [];
    expect(calls.map((call) => call.arguments)).toEqual([{}, {}, {}]);
    expect(calls.map(({ parse_error: problem }) => problem?.slice(-12))).toEqual([
      deep.slice(-12),
      expect.stringMatching(/\[1\]$/),
      expect.stringMatching(/"command": $/),
    ]);
    expect(sample?.messages[1]).toMatchObject({ error: { type: 'parsing', message: 'that is no JSON' } });
  });

  it('in the names of samples lead nowhere else', async () => {
    const ids = ['../../../etc/passwd', '..\\..\\x', '/abs', 'CON', 'x_epoch_1', 'x'];
    const samples = ids.map((id) => ({ id, input: 'Hello.', target: 'x' }));
    const story = new Story(agentSuite({ epochs: 1, dataset: { samples } }), model);
    ids.forEach((_, sampleIndex) => story.started({ sampleIndex }).finished({ sampleIndex }));
    const names = [...unzip(await written('eval', story.source())).keys()].filter((name) =>
      name.startsWith('samples/'),
    );
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(ids.length);
    for (const name of names) expect(name).toMatch(/^samples\/[^/\\]+_epoch_1\.json$/);
    const log = await writtenLog(story.source());
    expect(log.eval.dataset.sample_ids).toEqual(log.samples.map(({ id }) => id));
    expect(log.samples.map(({ id, metadata }) => metadata['crucible_sample_id'] ?? id)).toEqual(ids);
  });
});

describe('evidence that is gone', () => {
  it('is said to be, and what the log tells of it stands', async () => {
    const story = started();
    story.replies(first, 'I look.', [bash('c1', 'ls')]).answers(first, 'c1', 'a.txt');
    story.finished(first).erased(first, 'transcript');
    const [sample] = (await writtenLog(story.source())).samples;
    expect(sample).toMatchObject({ messages: [], output: { choices: [], completion: '' } });
    const kinds = sample?.events.map(({ event }) => event) ?? [];
    expect(kinds.filter((kind) => kind === 'model' || kind === 'tool')).toEqual(['model', 'tool']);
    const evidence = sample?.events.find((event) => event.event === 'info' && event.source === 'crucible/evidence');
    expect(evidence).toMatchObject({
      data: { unread: [{ channel: 'transcript', why: expect.stringMatching(/^erased, position/) }] },
    });
    expect(sample?.model_usage['sonnet']?.output_tokens).toBe(96);
  });

  it('is one thing; an answer that did not come is another', async () => {
    const source = started().finished(first).source();
    const broken = {
      ...source,
      transcript: async function* () {
        yield await Promise.reject(new Error('the platform is gone'));
      },
    };
    await expect(written('json', broken)).rejects.toThrow('the platform is gone');
    await expect(written('eval', broken)).rejects.toThrow('the platform is gone');
  });

  it('leaves nothing behind when its reader leaves', async () => {
    const story = started();
    for (let each = 0; each < 200; each += 1) story.says(first, 'suite', { role: 'user', content: 'x'.repeat(10_000) });
    const { inspectLog } = await import('./write.ts');
    const { mkdtempSync, readdirSync, rmSync } = await import('node:fs');
    const folder = mkdtempSync('/tmp/crucible-inspect-');
    for (const format of ['json', 'eval'] as const) {
      for await (const _ of inspectLog(format, story.finished(first).source(), { folder })) break;
      await expect.poll(() => readdirSync(folder)).toEqual([]);
    }
    rmSync(folder, { recursive: true });
  });
});

describe('an evaluation of programs', () => {
  const suite = {
    apiVersion: 'crucible/v1',
    kind: 'Suite',
    metadata: { name: 'programs', version: '1.0.0', title: 'Programs' },
    scorers: [{ kind: 'exit-code' }],
    dataset: { samples: [{ id: 'one', input: { language: 'python', source: 'print(1)', stdin: 'in' } }] },
  } as const;

  it('has what ran, what it printed and how it ended', async () => {
    const story = new Story(structuredClone(suite) as never, { kind: 'program' }).started(first);
    story.prints(first, new Uint8Array([0x31, 0xff]), '\n'.padStart(10, '2'));
    story.finished(first, { reason: 'exit', exitCode: 0, usage: null, answer: null }).over();
    const log = await writtenLog(story.source());
    expect(log).toMatchObject({ status: 'success', eval: { model: 'none/none', solver: 'program' } });
    const [sample] = log.samples;
    expect(sample).toMatchObject({
      input: 'print(1)',
      target: '',
      messages: [],
      metadata: { crucible_language: 'python' },
    });
    expect(sample?.events.find(({ event }) => event === 'sandbox')).toMatchObject({
      ...{ cmd: 'python', input: 'in', result: 0, output: '1\ufffd222222222\n' },
      metadata: { output_is_cut: false },
    });
  });

  it('has no more of a flood than its first part, and says so', async () => {
    const story = new Story(structuredClone(suite) as never, { kind: 'program' }).started(first);
    story.prints(first, ...Array.from({ length: 64 }, () => 'x'.repeat(64 * 1024)));
    story.finished(first, { reason: 'output-limit', usage: null, answer: null });
    const [sample] = (await writtenLog(story.source())).samples;
    const ran = sample?.events.find((event) => event.event === 'sandbox');
    expect(ran?.event === 'sandbox' && ran.output?.length).toBe(256 * 1024);
    expect(ran).toMatchObject({ metadata: { output_is_cut: true } });
    expect(sample?.limit).toEqual({ type: 'custom', limit: -1 });
  });
});
