import { randomBytes } from 'node:crypto';
import { ANSWER_FILE } from '@crucible/suite';
import type { ExecEnd, ExecOutcome, SandboxSession } from '../../sandbox/port.ts';
import { isFault } from '../../sandbox/signals.ts';
import type { Ending } from '../ending.ts';
import type { AgentSolver } from '../plan.ts';
import { user } from '../talk.ts';
import type { Talk } from '../talk.ts';
import { AgentCalls } from './calls.ts';
import { Endpoint } from './endpoint.ts';

/** Where an agent program finds its endpoint: in a sandbox of its own, so it is the same in all. */
const PORT = 8_377;
export const endpointAddress = `127.0.0.1:${PORT}`;

/** Both ways, of all calls of one trial. */
const FORWARDED_BYTES_MAX = 2 * 1024 ** 3;
const TOKEN_BYTES = 24;
const ANSWER_BYTES_MAX = 1_000_000;
/** The program is ended before its sandbox is, so that what it left can be read. */
const LAST_LOOK_MS = 2_000;

const decoder = new TextDecoder('utf-8');

/** Variables by which public clients find the endpoint by themselves. */
const environment = (token: string, model: string): Record<string, string> => ({
  OPENAI_BASE_URL: `http://${endpointAddress}/v1`,
  OPENAI_API_KEY: token,
  OPENAI_MODEL: model,
});

/** What it left in its file, or else all that it printed. */
const answerOf = async (session: SandboxSession, { stdout }: ExecEnd): Promise<string | null> => {
  const left = await session.readFile(ANSWER_FILE, ANSWER_BYTES_MAX);
  const text = decoder.decode(left.kind === 'read' ? left.content : stdout.subarray(0, ANSWER_BYTES_MAX));
  return text.trim() === '' ? null : text.toWellFormed();
};

type Own = Pick<Ending, 'reason' | 'why' | 'exitCode' | 'signal'>;

/** How a program ended by itself or at a bound of its own; null when its sandbox or its conversation was ended. */
const endOf = (outcome: ExecOutcome): Own | null => {
  switch (outcome.kind) {
    case 'exited':
      return { reason: 'exit', why: null, exitCode: outcome.exitCode };
    case 'signal':
      return { reason: isFault(outcome.signal) ? 'crash' : 'signal', why: null, signal: outcome.signal };
    case 'out-of-memory':
      return { reason: 'out-of-memory', why: null };
    case 'timed-out':
      return { reason: 'wall-time', why: null };
    case 'output-limit':
      return { reason: 'output-limit', why: null };
    case 'killed':
    case 'sandbox-gone':
      return null;
    case 'refused':
      throw new Error(`the agent program could not be run: ${outcome.why}`);
  }
};

/** A limit that it met, and a provider that failed it, are why a program ended behind them, whatever it made of them. */
const reasonOf = (own: Own, { limit, failed }: AgentCalls): Own => {
  if (own.reason !== 'exit') return own;
  if (limit !== null) return { ...own, ...limit };
  if (failed !== null) return { ...own, reason: 'model-failure', why: `${failed.failure}: ${failed.detail}` };
  return own;
};

const run = async (talk: Talk, token: string): Promise<ExecEnd> => {
  const { session, plan, most, newId } = talk.parts;
  const { program } = plan;
  if (program === null) throw new Error('there is no agent program to run');
  const id = newId();
  const task = plan.messages.map(({ content }) => content).join('\n\n');
  const stop = (): void => session.killCall(id);
  talk.signal.addEventListener('abort', stop, { once: true });
  try {
    return await session.exec({
      id,
      argv: program.argv,
      stdin: Buffer.from(task, 'utf8'),
      env: environment(token, plan.model),
      cwd: program.folder,
      timeoutMsMax: Math.max(1, most.timeoutMs - LAST_LOOK_MS),
      outputBytesMax: most.outputBytes,
    });
  } finally {
    talk.signal.removeEventListener('abort', stop);
  }
};

/** Has an agent program drive itself to its end, with the endpoint in its sandbox for as long as it runs. */
export const drive = async (talk: Talk, solver: AgentSolver): Promise<void> => {
  const { session, plan, newId, now } = talk.parts;
  const token = `sk-trial-${randomBytes(TOKEN_BYTES).toString('base64url')}`;
  const calls = new AgentCalls(talk, solver.limits.turns);
  const endpoint = new Endpoint({ token, calls, newId, now });
  const bounds = { bytesMax: FORWARDED_BYTES_MAX };
  for (const { content } of plan.messages) talk.say(0, 'suite', user(content));
  const listening = await session.forward(PORT, (connection) => endpoint.connect(connection), bounds);
  if (listening.kind === 'sandbox-gone' || talk.isOver) return;
  if (listening.kind === 'refused') throw new Error(`the endpoint could not be opened: ${listening.why}`);
  try {
    const end = await run(talk, token);
    const answer = await answerOf(session, end);
    if (answer !== null) {
      talk.lastWords = answer;
      talk.say(talk.turn, 'subject', { role: 'assistant', content: answer, reasoning: null, toolCalls: [] });
    }
    const own = endOf(end.outcome);
    if (own !== null) talk.endAs({ ...reasonOf(own, calls), answer });
  } finally {
    // What is still asked of a model is of no use to anybody.
    talk.cut();
    endpoint.close();
    await calls.settled();
  }
};
