import type { ProfileUsed, SandboxLimits } from '@crucible/events';

/** How gVisor intercepts a guest's system calls. */
export const kernelPlatforms = ['systrap', 'ptrace', 'kvm'] as const;
export type KernelPlatform = (typeof kernelPlatforms)[number];

/**
 * What a sandbox is, as a value with a name. What may differ between profiles has a wide type; what has a literal type
 * is the same in every profile there can be: no operator and no suite can ask for a network or a capability.
 */
export interface SandboxProfile {
  readonly name: string;
  /** Changes with the profile's content: an event that names both says exactly what was meant. */
  readonly version: string;
  readonly runtime: 'gvisor';
  readonly kernelPlatforms: readonly KernelPlatform[];
  readonly network: 'none';
  readonly rootReadOnly: true;
  /** User and group of everything in the sandbox. */
  readonly userId: 65_534;
  readonly capabilities: readonly never[];
  readonly noNewPrivileges: true;
  /** gVisor's own process on the host runs under its system call filter. */
  readonly seccomp: true;
  /** The most a suite can ask for. */
  readonly max: SandboxLimits;
  /** What a suite gets that asks for nothing. */
  readonly default: SandboxLimits;
}

const MIB = 1_048_576;
/** Linux counts a file of exactly the limit as allowed; one block more lets "no space left" come before "file too large". */
const BLOCK_BYTES = 4_096;

/** The profile every sandbox has unless an operator configured another one by name. */
export const strict: SandboxProfile = {
  name: 'strict',
  version: '1',
  runtime: 'gvisor',
  kernelPlatforms: ['systrap', 'ptrace'],
  network: 'none',
  rootReadOnly: true,
  userId: 65_534,
  capabilities: [],
  noNewPrivileges: true,
  seccomp: true,
  max: {
    cpuMillis: 2_000,
    memoryBytesMax: 2_048 * MIB,
    pidsMax: 512,
    diskBytesMax: 1_024 * MIB,
    wallTimeMsMax: 3_600_000,
    outputBytesMax: 64 * MIB,
    tmpBytesMax: 256 * MIB,
    filesOpenMax: 4_096,
    fileBytesMax: 1_024 * MIB + BLOCK_BYTES,
  },
  default: {
    cpuMillis: 1_000,
    memoryBytesMax: 256 * MIB,
    pidsMax: 64,
    diskBytesMax: 64 * MIB,
    wallTimeMsMax: 10_000,
    outputBytesMax: MIB,
    tmpBytesMax: 16 * MIB,
    filesOpenMax: 1_024,
    fileBytesMax: 64 * MIB + BLOCK_BYTES,
  },
};

export type LimitField = keyof SandboxLimits;
const fields = Object.keys(strict.max) as LimitField[];

/** Names of what a profile allows beyond `strict`; empty when it allows nothing more. */
export const looserThanStrict = (profile: SandboxProfile): string[] => [
  ...fields.filter((field) => profile.max[field] > strict.max[field]),
  ...(profile.kernelPlatforms.every((platform) => strict.kernelPlatforms.includes(platform))
    ? []
    : ['kernelPlatforms']),
];

/** What a trial's record says of its profile. */
export const profileUsed = (profile: SandboxProfile): ProfileUsed => ({
  name: profile.name,
  version: profile.version,
  looserThanStrict: looserThanStrict(profile),
});

export interface LimitProblem {
  readonly field: LimitField;
  readonly asked: number;
  readonly most: number;
  /** Complete but for the name of the field. */
  readonly message: string;
}

export type Tightened =
  | { readonly ok: true; readonly limits: SandboxLimits }
  | { readonly ok: false; readonly problems: readonly LimitProblem[] };

/** Limits of a sandbox that was asked for under a profile: what is tighter is granted, what is looser is refused. */
export const tighten = (profile: SandboxProfile, wish: Partial<SandboxLimits>): Tightened => {
  const problems = fields.flatMap((field): LimitProblem[] => {
    const asked = wish[field] ?? profile.default[field];
    const most = profile.max[field];
    // Written so that what is no number at all is refused, too.
    if (Number.isInteger(asked) && asked >= 1 && asked <= most) return [];
    const message = `asks for ${asked}, and the profile ${profile.name} allows 1 to ${most}`;
    return [{ field, asked, most, message }];
  });
  return problems.length > 0 ? { ok: false, problems } : { ok: true, limits: { ...profile.default, ...wish } };
};

/** A profile as an operator asks for it; what is left out is as in `strict`. */
export interface OperatorProfile {
  readonly name: string;
  readonly version: string;
  readonly kernelPlatforms: readonly string[] | undefined;
  readonly max: Partial<SandboxLimits>;
}

export type ProfilesMade =
  | { readonly ok: true; readonly profiles: ReadonlyMap<string, SandboxProfile> }
  | { readonly ok: false; readonly problems: readonly string[] };

const problemsOf = ({ name, kernelPlatforms: platforms = [], max }: OperatorProfile): string[] => {
  const known: readonly string[] = kernelPlatforms;
  const lower = fields.filter((field) => (max[field] ?? Infinity) < strict.max[field]);
  return [
    ...(name === strict.name ? ['"strict" is the platform\'s own: choose another name'] : []),
    ...lower.map(
      (field) =>
        `${name}: ${field} is less than the ${strict.max[field]} of strict; a suite tightens its limits by itself`,
    ),
    ...platforms
      .filter((platform) => !known.includes(platform))
      .map((platform) => `${name}: "${platform}" is no kernel platform; those there are: ${known.join(', ')}`),
  ];
};

/**
 * All profiles of a platform: `strict`, and those its operator configured by name. They may raise maxima and add kernel
 * platforms, and can say nothing else.
 */
export const profilesOf = (configured: readonly OperatorProfile[]): ProfilesMade => {
  const problems = configured.flatMap(problemsOf);
  if (problems.length > 0) return { ok: false, problems };
  const made = configured.map(({ name, version, kernelPlatforms: added = [], max }): SandboxProfile => {
    const platforms = kernelPlatforms.filter((each) => strict.kernelPlatforms.includes(each) || added.includes(each));
    return { ...strict, name, version, kernelPlatforms: platforms, max: { ...strict.max, ...max } };
  });
  return { ok: true, profiles: new Map([strict, ...made].map((profile) => [profile.name, profile])) };
};
