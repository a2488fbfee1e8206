import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import type { Duplex } from 'node:stream';
import OpenAI from 'openai';
import type { FakePrograms, FakeRun, FakeSession } from '../../sandbox/session/fake-session.fixture.ts';
import { endpointAddress } from './drive.ts';

/** What a program finds in its sandbox. */
export interface Inside {
  readonly session: FakeSession;
  readonly env: Readonly<Record<string, string>>;
  /** The task, as it stands on its standard input. */
  readonly task: string;
  /** The public client, as it comes, told nothing but where the endpoint is reached from here. */
  readonly client: OpenAI;
  /** The endpoint as a port of this machine. */
  readonly url: string;
  readonly dial: () => Duplex;
}

const PORT = Number(endpointAddress.split(':')[1]);

/** A port of this machine behind which is the one of a session. */
const bridge = (session: FakeSession): Promise<Server> =>
  new Promise((resolve) => {
    const server = createServer({ allowHalfOpen: true }, (near) => {
      const far = session.dial(PORT);
      near.on('error', () => far.destroy()).on('close', () => far.destroy());
      far.on('error', () => near.destroy()).on('close', () => near.destroy());
      near.pipe(far).pipe(near);
    });
    server.listen(0, '127.0.0.1', () => resolve(server));
  });

/** An agent program that is a function here: what it returns it has printed. */
export const agentOf =
  (program: (inside: Inside) => Promise<string | FakeRun>): FakePrograms =>
  ({ env, stdin }, session) => {
    const runs = async (): Promise<FakeRun> => {
      const server = await bridge(session);
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
      const client = new OpenAI({ baseURL: url, apiKey: env['OPENAI_API_KEY'] ?? '', maxRetries: 0 });
      const task = Buffer.from(stdin ?? new Uint8Array()).toString('utf8');
      try {
        const said = await program({ session, env, task, client, url, dial: () => session.dial(PORT) });
        return typeof said === 'string' ? { stdout: said } : said;
      } finally {
        server.close();
      }
    };
    return { until: runs() };
  };

export const programSuite = (
  solver: Readonly<Record<string, unknown>> = {},
  more: Readonly<Record<string, unknown>> = {},
) => ({
  dataset: { samples: [{ id: 'one', input: 'Say what the answer is.', target: 'forty-two' }] },
  solver: {
    kind: 'agent-program',
    name: 'tiny',
    command: ['python3', 'agent.py'],
    files: { 'agent.py': 'print()' },
    ...solver,
  },
  scorers: [{ kind: 'includes' }],
  ...more,
});
