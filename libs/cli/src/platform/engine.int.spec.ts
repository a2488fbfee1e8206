import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineInfo, imageExists, runContainer } from './engine-api.ts';
import { startEngine, type TestEngine } from './testing.ts';

describe('an engine of our own', () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startEngine();
  }, 180_000);
  afterAll(() => engine.stop());

  const run = (...command: string[]) =>
    runContainer(engine.socket, {
      image: engine.images['python'] ?? '',
      runtime: engine.unwatchedRuntime,
      command,
      timeoutMs: 30_000,
    });

  it('has the image and only gVisor for a default runtime', async () => {
    expect(await imageExists(engine.socket, engine.images['python'] ?? '')).toBe(true);
    const info = await engineInfo(engine.socket);
    expect((info as unknown as { DefaultRuntime: string }).DefaultRuntime).toBe('crucible-unwatched');
  });

  it('runs the whole standard library as nobody, without network interfaces', async () => {
    const modules = 'asyncio,bz2,ctypes,decimal,hashlib,json,lzma,multiprocessing,sqlite3,ssl,subprocess,unittest,zlib';
    const program = `import ${modules}, os, socket; print(os.getuid(), [name for _, name in socket.if_nameindex()])`;
    const { code, output } = await run('python3', '-c', program);
    expect(output.trim()).toBe("65534 ['lo']");
    expect(code).toBe(0);
  });

  it('has no program that gives its user more rights', async () => {
    const { output } = await run('sh', '-c', 'find / -xdev -perm /6000 -type f 2>/dev/null; echo end');
    expect(output.trim()).toBe('end');
  });

  it('is shared: it lives until its last user stops', async () => {
    const second = await startEngine();
    expect(second.socket).toBe(engine.socket);
    await second.stop();
    expect(existsSync(engine.socket)).toBe(true);
    expect(await engineInfo(engine.socket)).toBeDefined();
  });
});
