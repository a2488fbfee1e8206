import { suiteSchema } from '@crucible/suite';
import { describe, expect, it } from 'vitest';
import { imagesTold } from '../executor.ts';
import { EngineImages } from './engine-images.ts';
import type { ImageSource } from './engine-images.ts';
import { imageEnvironment, imageRefusal } from './image.ts';
import type { SandboxImage } from './image.ts';

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
const added = (name: string, digit: string, command: string[] = ['/agent']): SandboxImage => ({
  name,
  reference: digest(digit),
  digest: digest(digit),
  agent: { command, env: {}, folder: '/' },
});
const suiteOf = (solver: object = {}) =>
  suiteSchema.parse({
    apiVersion: 'crucible/v1',
    kind: 'Suite',
    metadata: { name: 's', version: '1.0.0', title: 'S' },
    sandbox: { image: 'my-agent' },
    solver: { kind: 'agent-program', name: 'tiny', ...solver },
    scorers: [{ kind: 'includes' }],
    dataset: { samples: [{ id: 's', input: 'Do.', target: 'x' }] },
  });
const subject = (image: string | null) =>
  ({ kind: 'agent', name: 'tiny', model: 'm', provider: null, image, programDigest: null }) as const;

describe('what a trial is run on', () => {
  it('is the image that was submitted, or nothing', () => {
    const image = added('my-agent', 'a');
    expect(imageRefusal(suiteOf(), subject(`my-agent@${digest('a')}`), image)).toBeNull();
    expect(imageRefusal(suiteOf(), subject(`my-agent@${digest('b')}`), image)).toMatch(
      /the evaluation is of my-agent@sha256:b+, and "my-agent" is sha256:a+ here by now: it was replaced/,
    );
    expect(imageRefusal(suiteOf(), subject(`my-agent@${digest('a')}`), undefined)).toMatch(/images add my-agent/);
    expect(imageRefusal(suiteOf(), subject(`my-agent@${digest('a')}`), added('my-agent', 'a', []))).toMatch(
      /no command/,
    );
    expect(
      imageRefusal(suiteOf({ command: ['/x'] }), subject(`my-agent@${digest('a')}`), added('my-agent', 'a', [])),
    ).toBeNull();
  });

  it('adds to the environment, and takes none of ours away', () => {
    const env = { PATH: '/opt/bin', HOME: '/root', OPENAI_BASE_URL: 'http://evil', LD_PRELOAD: '/x.so', AWS_KEY: 'x' };
    const agent = { command: [], env, folder: '/' };
    expect(imageEnvironment(agent, { AWS_KEY: 'tripwire' })).toEqual({ PATH: '/opt/bin', LD_PRELOAD: '/x.so' });
    expect(imageEnvironment(null)).toEqual({});
  });

  it('is told of as far as an event has room, and nothing of its environment', () => {
    const secret = { ...added('one', 'a'), agent: { command: ['/a'], env: { TOKEN: 'secret' }, folder: '/' } };
    expect(imagesTold([secret])).toEqual([{ name: 'one', digest: digest('a'), command: ['/a'], own: false }]);
    const many = Array.from({ length: 100 }, (_, at) => added(`image-${at}`, 'a', ['x'.repeat(2_000)]));
    const told = imagesTold(many);
    expect(told.length).toBeLessThan(100);
    expect(Buffer.byteLength(JSON.stringify(told))).toBeLessThan(50_000);
  });
});

describe('the images of an engine', () => {
  const logger = { debug: () => undefined } as never;
  const engine = (over: Partial<ImageSource> = {}): ImageSource => ({
    added: () => Promise.resolve([added('my-agent', 'a')]),
    digestOf: () => Promise.resolve(digest('f')),
    ...over,
  });

  it('are told when they have changed, again where that failed, and are what they were while it does not answer', async () => {
    let here = [added('my-agent', 'a')];
    let isAway = false;
    let isDeaf = true;
    const told: string[][] = [];
    const source = engine({ added: () => (isAway ? Promise.reject(new Error('away')) : Promise.resolve(here)) });
    const tell = (images: readonly SandboxImage[]) => {
      if (isDeaf) return Promise.reject(new Error('no bus'));
      told.push(images.map(({ name, reference }) => `${name} ${reference.slice(0, 8)}`));
      return Promise.resolve();
    };
    const images = new EngineImages({ source, own: { python: 'crucible/python:1' }, tell, logger });
    await expect(images.begin()).rejects.toThrow('no bus');
    isDeaf = false;
    await images.look();
    await images.look();
    here = [added('my-agent', 'b')];
    await images.look();
    isAway = true;
    await images.look();
    expect(images.find('my-agent')?.digest).toBe(digest('b'));
    expect(told).toEqual([
      ['my-agent sha256:a', 'python crucible'],
      ['my-agent sha256:b', 'python crucible'],
    ]);
    images.close();
  });

  it('let nothing take the name of the platform’s own', async () => {
    const forged = engine({
      added: () => Promise.resolve([added('python', 'a')]),
      digestOf: () => Promise.resolve(undefined),
    });
    const images = new EngineImages({ source: forged, own: { python: 'p' }, tell: () => Promise.resolve(), logger });
    await images.reload();
    expect(images.find('python')).toBeUndefined();
  });
});
