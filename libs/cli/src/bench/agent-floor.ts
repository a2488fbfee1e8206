import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { taskOf } from './agent-stand-in.ts';
import type { Purpose } from './agent-stand-in.ts';

interface Message {
  readonly role: string;
  readonly content: string | null;
  readonly [more: string]: unknown;
}

interface Delta {
  readonly content?: string | null;
  readonly tool_calls?: readonly { readonly id?: string; readonly function?: { name?: string; arguments?: string } }[];
}

/** The least that reads a streamed reply: no bounds, no checks, nothing written down. */
const ask = async (url: string, messages: readonly Message[]): Promise<Message> => {
  const response = await fetch(`${url}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'stand-in', stream: true, messages }),
  });
  const lines = (await response.text()).split('\n').filter((line) => line.startsWith('data: {'));
  const call = { id: '', name: '', arguments: '' };
  let content = '';
  for (const line of lines) {
    const { choices } = JSON.parse(line.slice(6)) as { choices: readonly { delta?: Delta }[] };
    const delta = choices[0]?.delta;
    content += delta?.content ?? '';
    const [part] = delta?.tool_calls ?? [];
    call.id ||= part?.id ?? '';
    call.name += part?.function?.name ?? '';
    call.arguments += part?.function?.arguments ?? '';
  }
  if (call.name === '') return { role: 'assistant', content };
  const { id, name, arguments: text } = call;
  return {
    role: 'assistant',
    content: null,
    tool_calls: [{ id, type: 'function', function: { name, arguments: text } }],
  };
};

const run = promisify(execFile);

const converse = async (url: string, purpose: Purpose, turns: number, name: string): Promise<void> => {
  const messages: Message[] = [{ role: 'user', content: taskOf(purpose, turns, name) }];
  for (let turn = 1; turn <= turns; turn += 1) {
    messages.push(await ask(url, messages));
    if (turn === turns) return;
    if (purpose === 'talk') messages.push({ role: 'user', content: 'go on' });
    else {
      const { stdout } = await run('bash', ['-c', 'true']);
      messages.push({ role: 'tool', content: stdout, tool_call_id: 'call-bash' });
    }
  }
};

/** The same conversations by a bare client, whose tool is a process of this machine: no sandbox, no record. */
export const converseBarely = async (
  url: string,
  purpose: Purpose,
  { turns, conversations }: { readonly turns: number; readonly conversations: number },
): Promise<void> => {
  await Promise.all(
    Array.from({ length: conversations }, (_, index) => converse(url, purpose, turns, `floor-${index}`)),
  );
};
