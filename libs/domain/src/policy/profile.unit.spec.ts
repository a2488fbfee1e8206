import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { looserThanStrict, profilesOf, profileUsed, strict, tighten } from './profile.ts';
import type { LimitField, OperatorProfile } from './profile.ts';

const fields = Object.keys(strict.max) as LimitField[];
const lab: OperatorProfile = {
  name: 'lab',
  version: 'abc',
  kernelPlatforms: ['kvm'],
  max: { memoryBytesMax: strict.max.memoryBytesMax * 4 },
};
const made = (...configured: OperatorProfile[]) => {
  const profiles = profilesOf(configured);
  if (!profiles.ok) throw new Error(profiles.problems.join('\n'));
  return profiles.profiles;
};
const problems = (...configured: OperatorProfile[]): readonly string[] => {
  const profiles = profilesOf(configured);
  return profiles.ok ? [] : profiles.problems;
};

describe('strict', () => {
  it('allows its own defaults, and is not looser than itself', () => {
    expect(tighten(strict, {})).toEqual({ ok: true, limits: strict.default });
    expect(tighten(strict, strict.max)).toEqual({ ok: true, limits: strict.max });
    expect(profileUsed(strict)).toEqual({ name: 'strict', version: '1', looserThanStrict: [] });
  });

  it('has what every profile has', () => {
    expect(strict).toMatchObject({ network: 'none', rootReadOnly: true, capabilities: [], noNewPrivileges: true });
  });
});

describe('tighten', () => {
  it('grants exactly what is within the profile, whatever is asked', () => {
    const value = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(0, -1, NaN, Infinity, 1));
    const wish = fc.record(Object.fromEntries(fields.map((field) => [field, value])), { requiredKeys: [] });
    fc.assert(
      fc.property(wish, (asked) => {
        const granted = tighten(strict, asked);
        const within = fields.every((field) => {
          const most = strict.max[field];
          const number = asked[field] ?? strict.default[field];
          return Number.isInteger(number) && number >= 1 && number <= most;
        });
        expect(granted.ok).toBe(within);
        if (granted.ok)
          for (const field of fields) expect(granted.limits[field]).toBeLessThanOrEqual(strict.max[field]);
      }),
    );
  });

  it('names every field that is too much, and the most there is', () => {
    const wish = { memoryBytesMax: strict.max.memoryBytesMax + 1, pidsMax: strict.max.pidsMax + 1, cpuMillis: 1 };
    expect(tighten(strict, wish)).toEqual({
      ok: false,
      problems: [
        expect.objectContaining({ field: 'memoryBytesMax', most: strict.max.memoryBytesMax }),
        {
          field: 'pidsMax',
          asked: 513,
          most: 512,
          message: 'asks for 513, and the profile strict allows 1 to 512',
        },
      ],
    });
  });
});

describe("an operator's profile", () => {
  it('is there by its name only, and says in what it is looser', () => {
    const profiles = made(lab);
    expect([...profiles.keys()]).toEqual(['strict', 'lab']);
    expect(profiles.get('strict')).toBe(strict);
    const loose = profiles.get('lab');
    expect(loose && profileUsed(loose)).toEqual({
      name: 'lab',
      version: 'abc',
      looserThanStrict: ['memoryBytesMax', 'kernelPlatforms'],
    });
    expect(loose && tighten(loose, { memoryBytesMax: strict.max.memoryBytesMax * 4 }).ok).toBe(true);
    expect(tighten(strict, { memoryBytesMax: strict.max.memoryBytesMax * 4 }).ok).toBe(false);
  });

  it('differs from strict in maxima and kernel platforms alone', () => {
    const hostile = { ...lab, network: 'bridge', capabilities: ['SYS_ADMIN'], rootReadOnly: false, seccomp: false };
    const loose = made(hostile).get('lab');
    expect(loose).toEqual({
      ...strict,
      name: 'lab',
      version: 'abc',
      max: { ...strict.max, ...lab.max },
      kernelPlatforms: ['systrap', 'ptrace', 'kvm'],
    });
  });

  it('that allows nothing more is not called looser', () => {
    const same = made({ ...lab, kernelPlatforms: undefined, max: {} }).get('lab');
    expect(same && looserThanStrict(same)).toEqual([]);
  });

  it('is refused when it takes the name strict, lowers a maximum or names no kernel platform', () => {
    expect(problems({ ...lab, name: 'strict' })).toEqual([expect.stringContaining('choose another name')]);
    expect(problems({ ...lab, max: { pidsMax: 8 } })).toEqual([
      expect.stringContaining('pidsMax is less than the 512'),
    ]);
    expect(problems({ ...lab, kernelPlatforms: ['runc'] })).toEqual([
      expect.stringContaining('"runc" is no kernel platform'),
    ]);
  });
});
