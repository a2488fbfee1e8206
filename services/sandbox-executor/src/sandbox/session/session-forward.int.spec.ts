import { createServer, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DockerSandboxEngine } from '../engine.ts';
import { openSession, testSessions, until, type Opened } from './session.fixture.ts';

const BOUNDS = { bytesMax: 64 << 20 };
let engine: DockerSandboxEngine;
let opened: Opened;

beforeAll(() => void (engine = testSessions()));
beforeEach(async () => void (opened = await openSession(engine)));
afterEach(async () => void (await opened.session.close()));
afterAll(async () => {
  await engine.drain();
  expect(await engine.list()).toEqual([]);
});

const portOf = async (onConnection: (connection: Duplex) => void, bounds = BOUNDS): Promise<number> => {
  const end = await opened.session.forward(0, onConnection, bounds);
  if (end.kind !== 'listening') throw new Error(JSON.stringify(end));
  return end.port;
};

const served = async (server: Server): Promise<number> =>
  portOf((connection) => void server.emit('connection', connection));

const client = `
import socket, sys, hashlib
def connect(port):
    s = socket.socket(); s.settimeout(20); s.connect(('127.0.0.1', port)); return s
def all(s):
    parts = []
    while True:
        part = s.recv(65536)
        if not part: return b''.join(parts)
        parts.append(part)
`;

describe('a forwarded port', () => {
  it('carries HTTP, streamed as it comes, to a server outside', async () => {
    const server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(`data: ${request.method} ${request.url} ${Buffer.concat(parts).length}\n\n`);
        setTimeout(() => response.end('data: [DONE]\n\n'), 500);
      });
    });
    const port = await served(server);
    const said = await opened.python(`
import http.client, time
for turn in range(2):
    c = http.client.HTTPConnection('127.0.0.1', ${port}, timeout=20)
    c.request('POST', '/v1/chat/completions', b'x' * 300000)
    r = c.getresponse(); began = time.time()
    first = r.readline(); at = time.time() - began
    rest = r.read()
    print(r.status, first.strip(), at < 0.4, rest)`);
    expect(said.err).toBe('');
    expect(said.out).toBe(`200 b'data: POST /v1/chat/completions 300000' True b'\\ndata: [DONE]\\n\\n'\n`.repeat(2));
    server.close();
  });

  it('carries megabytes both ways, whole, and ends one way before the other', async () => {
    const port = await portOf((connection) => {
      const parts: Buffer[] = [];
      connection.on('data', (part: Buffer) => parts.push(part));
      connection.on('end', () => connection.end(Buffer.concat(parts).reverse()));
    });
    const said = await opened.python(`${client}
s = connect(${port}); sent = bytes(range(251)) * 20000
s.sendall(sent); s.shutdown(socket.SHUT_WR)
print(all(s) == sent[::-1], len(sent))`);
    expect(said).toMatchObject({ out: 'True 5020000\n', err: '' });
  });

  it('lets a slow side wait, and nobody else', async () => {
    const stuck: Duplex[] = [];
    const port = await portOf((connection) => {
      stuck.push(connection);
      if (stuck.length === 1) return;
      connection.on('data', (part: Buffer) => connection.write(part)).on('end', () => connection.end());
    });
    const said = await opened.python(`${client}
import select
a = connect(${port}); a.setblocking(False); filled = 0
while select.select([], [a], [], 1)[1]:
    filled += a.send(b'x' * 65536)
b = connect(${port}); b.sendall(b'hello'); b.shutdown(socket.SHUT_WR)
print(all(b), filled < (8 << 20))`);
    expect(said).toMatchObject({ out: "b'hello' True\n", err: '' });
    expect((await opened.run(['echo', 'on'])).out).toBe('on\n');
    stuck[0]?.destroy();
  });

  it('tells each side when the other breaks off', async () => {
    const errors: string[] = [];
    let heard = 0;
    const port = await portOf((connection) => {
      connection.on('error', (error) => errors.push(error.message));
      connection.once('data', (part: Buffer) => {
        heard += 1;
        if (part.toString() === 'cut') connection.destroy();
      });
    });
    const said = await opened.python(`${client}
import struct, time
a = connect(${port}); a.send(b'cut'); print(all(a))
b = connect(${port}); b.send(b'x'); time.sleep(0.3)
b.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); b.close(); time.sleep(0.3)`);
    expect(said.out).toBe("b''\n");
    expect(errors).toEqual(['the guest broke the connection']);
    const held = opened.python(`${client}
s = connect(${port}); s.send(b'x'); all(s)`);
    await until(() => heard === 3, 20_000);
    await opened.session.close();
    expect((await held).outcome.kind).toBe('killed');
    // An error is told a moment behind the end that it came with.
    await until(() => errors.length === 2, 1_000);
    expect(errors[1]).toBe('the sandbox has ended');
  });

  it('has a bound on connections at once and on bytes', async () => {
    let most = 0;
    let open = 0;
    const port = await portOf(
      (connection) => {
        most = Math.max(most, (open += 1));
        connection.on('close', () => (open -= 1));
        connection.on('data', () => undefined).on('end', () => connection.end('bye'));
      },
      { bytesMax: 200_000 },
    );
    const said = await opened.python(`${client}
import time
many = [connect(${port}) for _ in range(40)]
time.sleep(1)
for s in many: s.shutdown(socket.SHUT_WR)
print(sum(all(s) == b'bye' for s in many))
big = connect(${port})
try:
    for _ in range(100): big.sendall(b'x' * 65536)
    print(all(big))
except OSError: print('cut')
try: print(all(connect(${port})))
except OSError: print('cut')`);
    expect(said.err).toBe('');
    expect(said.out.split('\n')[0]).toBe('40');
    expect(said.out).toMatch(/^40\n(cut|b'')\n(cut|b'')\n$/);
    expect(most).toBe(32);
  });

  it('is refused where it cannot be', async () => {
    const { session } = opened;
    expect(await session.forward(70_000, () => undefined, BOUNDS)).toMatchObject({ kind: 'refused' });
    expect(await session.forward(8_080, () => undefined, BOUNDS)).toEqual({ kind: 'listening', port: 8_080 });
    expect(await session.forward(8_080, () => undefined, BOUNDS)).toEqual({
      kind: 'refused',
      why: 'Address already in use',
    });
  });
});
