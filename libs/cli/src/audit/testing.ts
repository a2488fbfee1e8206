import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  emptyRange,
  encodeCheckpointLine,
  encodeEndLine,
  encodeEventLine,
  encodeHeaderLine,
  formatCheckpoint,
  hashLeaf,
  rootOf,
  toHex,
  utf8,
  withLeaf,
} from '@crucible/transparency';
import { signNote, verifierOf } from '@crucible/transparency/node';
import { ApiClient } from '../client/api-client.ts';

export const signer = { name: 'crucible/log/test', privateKey: generateKeyPairSync('ed25519').privateKey };
export const verifier = verifierOf(signer);

const bodyOf = (position: number, word: string): Uint8Array =>
  utf8(
    JSON.stringify({ id: `id-${position}`, type: 'crucible.test.v1', subject: 'crucible.events.platform.test', word }),
  );

export interface TestLog {
  readonly text: string;
  readonly note: string;
  readonly root: string;
}

/** An honest export of a small log; `word` makes another log of the same length. */
export const exportOf = (events: number, word = 'one'): TestLog => {
  const bodies = Array.from({ length: events }, (_, index) => bodyOf(index + 1, word));
  const root = rootOf(bodies.map(hashLeaf).reduce(withLeaf, emptyRange));
  const note = signNote(formatCheckpoint({ origin: signer.name, size: events, root }), signer);
  const lines = bodies.map((body, index) =>
    encodeEventLine({
      position: index + 1,
      subject: 'crucible.events.platform.test',
      messageId: `id-${index + 1}`,
      body,
    }),
  );
  const text = [
    encodeHeaderLine({ origin: signer.name, evaluationId: null, size: events, createdAt: 'now', evidence: true }),
    ...lines,
    encodeCheckpointLine({ sequence: 1, note }),
    encodeEndLine({ events, checkpoints: 1, contents: 0, evidence: 0 }),
  ].join('');
  return { text, note, root: toHex(root) };
};

/** A platform's side of an audit: what it answers is set by the test. */
export class TestAudit {
  readonly #server: Server;
  readonly client: ApiClient;
  /** Sends the export, whole or not. */
  send: (response: ServerResponse) => void = (response) => void response.end(exportOf(2).text);
  broken: string | null = null;
  readonly asked: string[] = [];

  private constructor(server: Server) {
    this.#server = server;
    const { port } = server.address() as AddressInfo;
    this.client = new ApiClient({ url: `http://127.0.0.1:${port}`, token: 'token' });
    server.on('request', (request, response: ServerResponse) => {
      this.asked.push(request.url ?? '');
      if (request.url?.startsWith('/audit/status')) return void response.end(JSON.stringify({ broken: this.broken }));
      this.send(response);
    });
  }

  static async start(): Promise<TestAudit> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new TestAudit(server);
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
