import { describe, expect, it } from 'vitest';
import { parseProfiles } from './profiles-file.ts';

const problemsOf = (text: string): readonly string[] => {
  const parsed = parseProfiles(text);
  return parsed.ok ? [] : parsed.problems;
};

describe('a file of profiles', () => {
  it('gives what each allows, in limits', () => {
    const parsed = parseProfiles(`
profiles:
  lab:
    kernelPlatforms: [systrap, kvm]
    max: { cpu: 8, memory: 16GiB, pids: 2048, wallTime: 4h, openFiles: 8192, fileSize: 2GiB }
  long:
    max: { wallTime: 12h }`);
    expect(parsed).toEqual({
      ok: true,
      data: [
        {
          name: 'lab',
          version: expect.stringMatching(/^[0-9a-f]{12}$/) as string,
          kernelPlatforms: ['systrap', 'kvm'],
          max: {
            cpuMillis: 8_000,
            memoryBytesMax: 16 * 1_024 ** 3,
            pidsMax: 2_048,
            wallTimeMsMax: 14_400_000,
            filesOpenMax: 8_192,
            fileBytesMax: 2 * 1_024 ** 3,
          },
        },
        {
          name: 'long',
          version: expect.stringMatching(/^[0-9a-f]{12}$/) as string,
          kernelPlatforms: undefined,
          max: { wallTimeMsMax: 43_200_000 },
        },
      ],
    });
  });

  it('has a version that changes with what it allows, and with nothing else', () => {
    const versionOf = (max: string): string => {
      const parsed = parseProfiles(`# a comment\nprofiles:\n  lab:\n    max: ${max}`);
      return parsed.ok ? (parsed.data[0]?.version ?? '') : '';
    };
    expect(versionOf('{ memory: 4GiB }')).toBe(versionOf('{ memory: 4096MiB }'));
    expect(versionOf('{ memory: 4GiB }')).not.toBe(versionOf('{ memory: 5GiB }'));
  });

  it.each([
    [
      'a field that no profile has',
      'profiles:\n  lab:\n    network: bridge',
      /^line 3: profiles\.lab\.network is not a field/,
    ],
    ['a capability', 'profiles:\n  lab:\n    capabilities: [SYS_ADMIN]', /capabilities is not a field/],
    ['a size without its unit', 'profiles:\n  lab:\n    max:\n      memory: 16', /^line 4: profiles\.lab\.max\.memory/],
    ['a size beyond all bounds', 'profiles:\n  lab:\n    max: { memory: 1000GiB }', /at most 64GiB/],
    ['a name that is none', 'profiles:\n  My Lab:\n    max: {}', /lower-case letters/],
    ['no profiles', 'limits: {}', /profiles/],
    ['no YAML', 'profiles: [', /line/],
  ])('is refused with its line for %s', (_, text, problem) => {
    expect(problemsOf(text).join('\n')).toMatch(problem);
  });
});
