// An agent of the specs: the public client of OpenAI, told nothing but what its environment tells it. Prints what it saw.
import { performance } from 'node:perf_hooks';
import OpenAI from 'openai';

const client = new OpenAI();
const model = process.env.OPENAI_MODEL;
const ask = (content, more = {}) =>
  client.chat.completions.create({ model, messages: [{ role: 'user', content }], ...more });
const failure = async (call) => {
  try {
    await call;
    return null;
  } catch (error) {
    return { name: error.constructor.name, status: error.status, code: error.code, param: error.param };
  }
};
const tools = [
  {
    type: 'function',
    function: { name: 'look', parameters: { type: 'object', properties: { path: { type: 'string' } } } },
  },
];

const streamed = async () => {
  const stream = await ask('stream', { stream: true, stream_options: { include_usage: true } });
  const pieces = [];
  let usage = null;
  for await (const chunk of stream) {
    const text = chunk.choices[0]?.delta.content;
    if (text) pieces.push({ text, atMs: performance.now() });
    usage = chunk.usage ?? usage;
  }
  return {
    text: pieces.map(({ text }) => text).join(''),
    pieces: pieces.length,
    tookMs: pieces.at(-1).atMs - pieces[0].atMs,
    tokens: usage?.total_tokens,
  };
};

/** The client's own loop, which runs tools and sends their results back. */
const withTools = async () => {
  const runner = client.chat.completions.runTools({
    model,
    messages: [{ role: 'user', content: 'tools' }],
    tools: [
      {
        type: 'function',
        function: { ...tools[0].function, parse: JSON.parse, function: ({ path }) => `seen ${path}` },
      },
    ],
  });
  return { text: await runner.finalContent(), tokens: (await runner.totalUsage()).total_tokens };
};

console.log(
  JSON.stringify({
    models: (await client.models.list()).data.map(({ id }) => id),
    whole: (await ask('whole')).choices[0].message.content,
    streamed: await streamed(),
    tools: await withTools(),
    together: (await Promise.all(Array.from({ length: 6 }, (_, at) => ask(`together ${at}`)))).map(
      ({ choices }) => choices[0].message.content,
    ),
    wrongKey: await failure(new OpenAI({ apiKey: 'sk-other' }).models.list()),
    wrongModel: await failure(ask('x', { model: 'gpt-9' })),
    wrongBody: await failure(ask('x', { n: 3 })),
    responses: await failure(client.responses.create({ model, input: 'x' })),
  }),
);
