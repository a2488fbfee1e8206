import { profilesOf, strict } from '@crucible/domain';
import { limitsOf, platformMaxima, suiteSchema } from '@crucible/suite';
import { describe, expect, it } from 'vitest';
import { ProblemException } from '../problem.ts';
import { refuseBeyondProfile } from './profiles.ts';

const suiteWith = (sandbox: object) =>
  suiteSchema.parse({
    apiVersion: 'crucible/v1',
    kind: 'Suite',
    metadata: { name: 'tiny', version: '1.0.0', title: 'Tiny' },
    sandbox,
    dataset: { samples: [{ id: 'a', input: { language: 'python', source: 'pass' }, expectation: { reason: 'exit' } }] },
  });
const lab = { name: 'lab', version: '1', kernelPlatforms: undefined, max: { memoryBytesMax: 4 * 1_024 ** 3 } };
const made = profilesOf([lab]);
const profiles = made.ok ? made.profiles : new Map();
const onlyStrict = new Map([[strict.name, strict]]);

const refusalOf = (sandbox: object, among = profiles) => {
  try {
    refuseBeyondProfile(suiteWith(sandbox), among);
    return null;
  } catch (error) {
    if (!(error instanceof ProblemException)) throw error;
    return error.problem;
  }
};

describe('a suite and the profiles of its platform', () => {
  it('may be as strict allows, and tighter', () => {
    expect(refusalOf({})).toBeNull();
    expect(refusalOf({ memory: '2GiB', cpu: 2, disk: '1GiB', tmp: '256MiB' })).toBeNull();
    expect(refusalOf({ memory: '64MiB', openFiles: 16, fileSize: '4KiB' })).toBeNull();
  });

  it('may be looser only by a profile that the operator configured by name', () => {
    expect(refusalOf({ profile: 'lab', memory: '4GiB' })).toBeNull();
    expect(refusalOf({ profile: 'lab', memory: '4GiB' }, onlyStrict)).toMatchObject({
      status: 422,
      errors: [{ pointer: '/suite/sandbox/profile', detail: expect.stringContaining('there is strict') as string }],
    });
  });

  it('is refused beyond its profile, field by field, with the remedy', () => {
    const refused = refusalOf({ profile: 'lab', memory: '5GiB', pids: 513, wallTime: '2h' });
    expect(refused).toMatchObject({
      status: 422,
      detail: expect.stringContaining('ask the operator') as string,
    });
    expect(refused?.errors).toEqual([
      { pointer: '/suite/sandbox/memory', detail: 'asks for 5GiB; the profile lab allows at most 4GiB' },
      { pointer: '/suite/sandbox/pids', detail: 'asks for 513; the profile lab allows at most 512' },
      { pointer: '/suite/sandbox/wallTime', detail: 'asks for 2h; the profile lab allows at most 1h' },
    ]);
  });
});

describe('the format and the profile strict', () => {
  it('agree on what is too much, and on what a suite gets that says nothing', () => {
    const { cpuCores, memoryBytes, pids, diskBytes, tmpBytes, filesOpen, wallTimeMs, outputBytes } = platformMaxima;
    expect(strict.max).toEqual({
      cpuMillis: cpuCores * 1_000,
      memoryBytesMax: memoryBytes,
      pidsMax: pids,
      diskBytesMax: diskBytes,
      wallTimeMsMax: wallTimeMs,
      outputBytesMax: outputBytes,
      tmpBytesMax: tmpBytes,
      filesOpenMax: filesOpen,
      fileBytesMax: diskBytes + 4_096,
    });
    expect(limitsOf(suiteWith({}).sandbox)).toEqual(strict.default);
  });
});
