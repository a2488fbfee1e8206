import { mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { UsageFailure } from '../exit.ts';
import { openImage, plainFile } from './archive.ts';
import { interpreterOf, neededBy } from './elf.ts';
import { layerOf, ociTar, rootTar, savedTar } from './image-file.fixture.ts';
import { probeFaults } from './probe.ts';
import { readTar } from './tar-read.ts';

const scratch = mkdtempSync(join(tmpdir(), 'crucible-images-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const opened = async (file: string) => {
  const image = await openImage(await plainFile(file, join(scratch, 'plain.tar')));
  image.close();
  return image;
};
const refusal = async (file: string): Promise<string> => {
  const error = await opened(file).then(
    () => new Error('it was taken'),
    (thrown: unknown) => thrown as Error,
  );
  expect(error, error.message).toBeInstanceOf(UsageFailure);
  return error.message;
};
const textFile = (name: string, content: string | Buffer): string => {
  const file = join(scratch, name);
  writeFileSync(file, content);
  return file;
};
const layer = layerOf(scratch, { agent: 'x' });

describe('a tar archive', () => {
  it.each(['gnu', 'pax', 'ustar'])('is read as %s writes it, long paths and links too', (format) => {
    const long = `${'folder/'.repeat(format === 'ustar' ? 20 : 60)}file`;
    const file = rootTar(scratch, { [long]: 'content', 'a-link': '-> elsewhere', empty: null }, format);
    const entries = [...readTar({ fd: openSync(file, 'r'), offset: 0, size: statSync(file).size })];
    expect(entries.find(({ path }) => path === long)).toMatchObject({ type: 'file', size: 7 });
    expect(entries.find(({ path }) => path === 'a-link')).toMatchObject({ type: 'link', target: 'elsewhere' });
    expect(entries.find(({ path }) => path === 'empty')).toMatchObject({ type: 'folder' });
  });
});

describe('an image in a file', () => {
  it('is known by what docker save writes, with what its agent is begun by', async () => {
    const config = {
      Env: ['PATH=/opt/bin', 'TWICE=1', 'TWICE=a=b'],
      Entrypoint: ['/agent'],
      Cmd: ['--now'],
      WorkingDir: 'app/../app',
      OnBuild: ['RUN evil'],
    };
    const image = await opened(savedTar(scratch, { layers: [layer, layer], config }));
    expect(image.layers).toHaveLength(2);
    expect(image.agent).toEqual({
      command: ['/agent', '--now'],
      env: { PATH: '/opt/bin', TWICE: 'a=b' },
      folder: '/app',
    });
  });

  it('is known by an OCI layout, and by a root file system, packed or not', async () => {
    expect((await opened(ociTar(scratch, layer, gzipSync(layer)))).agent.command).toEqual(['/agent']);
    const root = rootTar(scratch, { agent: 'x', 'manifest.json': '{"not": "ours"}' });
    const plain = await opened(root);
    expect(plain).toMatchObject({ agent: { command: [], folder: '/' } });
    expect((await opened(textFile('root.tar.gz', gzipSync(readFileSync(root))))).diffIds).toEqual(plain.diffIds);
  });

  it('is refused with what is wrong with it', async () => {
    const one = { layers: [layer] };
    expect(await refusal(textFile('text', 'no archive '.repeat(200)))).toMatch(/no tar archive/);
    expect(await refusal(textFile('empty', ''))).toMatch(/no tar archive/);
    expect(await refusal(textFile('zeros', Buffer.alloc(10_240)))).toMatch(/nothing in it/);
    expect(await refusal(textFile('cut', readFileSync(savedTar(scratch, one)).subarray(0, 2_048)))).toMatch(
      /ends in the middle/,
    );
    expect(await refusal(textFile('bad.gz', gzipSync(Buffer.alloc(1e6, 'x')).subarray(0, 1_100)))).toMatch(
      /no tar archive|unpacked/,
    );
    expect(await refusal(savedTar(scratch, one, one))).toMatch(/holds 2 images/);
    expect(await refusal(savedTar(scratch, { ...one, diffIds: [`sha256:${'0'.repeat(64)}`] }))).toMatch(
      /not what the image says/,
    );
    expect(await refusal(savedTar(scratch, { ...one, diffIds: [] }))).toMatch(/other layers/);
    expect(await refusal(savedTar(scratch, { layers: [Buffer.from('28b52ffd00000000', 'hex')] }))).toMatch(
      /other than gzip/,
    );
    expect(await refusal(savedTar(scratch, { ...one, config: { Cmd: ['x'.repeat(5_000)] } }))).toMatch(
      /its entry point and command must not be longer/,
    );
    expect(await refusal(savedTar(scratch, { ...one, config: { Env: ['not a name=1'] } }))).toMatch(/its environment/);
    expect(await refusal(savedTar(scratch, { ...one, config: { WorkingDir: '/a\u0000b' } }))).toMatch(
      /its working folder/,
    );
  });
});

describe('a program', () => {
  it('says what is loaded with it', () => {
    const node = readFileSync(process.execPath);
    expect(interpreterOf(node)).toMatch(/ld-linux/);
    expect(neededBy(node)).toContain('libc.so.6');
    expect(() => neededBy(Buffer.alloc(64))).toThrow(/ELF/);
  });
});

describe('what a first start tells', () => {
  const good = [
    'Linux version 4.4.0 #1 SMP',
    'log Starting gVisor...',
    'map /.crucible/bin/python3',
    'map [stack]',
    ...['/', '/work', '/tmp', '/home/operator'].map((place) => `mount ${place}`),
    'write 30 /etc',
    'stat 2 /run/docker.sock',
    'end\n',
  ];
  const faults = (change: (line: string) => string) => probeFaults(good.map(change).join('\n'), 'Linux version 6 #2');

  it('is judged line by line', () => {
    expect(faults((line) => line)).toEqual([]);
    expect(faults((line) => line.replace('/.crucible/bin/python3', '/lib/evil.so'))).toEqual([
      'files of the image were loaded: /lib/evil.so',
    ]);
    expect(faults((line) => line.replace('write 30', 'write 0'))).toEqual(['/etc is not there, or can be written to']);
    expect(faults((line) => line.replace('stat 2', 'stat 0'))).toEqual([
      'there is /run/docker.sock in it, which no sandbox may have',
    ]);
    expect(faults((line) => line.replace('mount /work', 'mount /evil'))).toEqual(['nothing could be mounted on /work']);
    expect(faults((line) => line.replace('end', ''))).toEqual(['its first process did not come to its end']);
    expect(probeFaults('', '')).not.toEqual([]);
  });
});
