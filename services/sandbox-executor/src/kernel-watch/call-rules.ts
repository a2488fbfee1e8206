import type { Reach } from '@crucible/domain';
import type { Act, ActOf } from './acts.ts';

type Call = ActOf<'call'>;

/** A rule for one system call, known by name and numeric arguments only. Its result is not known: an attempt counts. */
interface CallRule {
  readonly name: string;
  readonly rule: string;
  readonly reach: Reach;
  readonly when?: (act: Call) => boolean;
  readonly text?: (act: Call) => string;
}

const NEW_NETWORK = 0x4000_0000;
const NAMESPACE_FLAGS: readonly (readonly [flag: number, name: string])[] = [
  [0x0002_0000, 'mount'],
  [0x0200_0000, 'cgroup'],
  [0x0400_0000, 'uts'],
  [0x0800_0000, 'ipc'],
  [0x1000_0000, 'user'],
  [0x2000_0000, 'pid'],
  [NEW_NETWORK, 'net'],
];
/** Flags of `clone` and `unshare` that make a new namespace. */
export const NAMESPACES = NAMESPACE_FLAGS.reduce((all, [flag]) => all | flag, 0);

export const namespaceNames = (flags: number): string => {
  const names = NAMESPACE_FLAGS.flatMap(([flag, name]) => ((flags & flag) !== 0 ? [name] : []));
  return `new ${names.join(', ')} namespace`;
};

const INIT = 1;
const PRIO_PROCESS = 0;
const IOPRIO_WHO_PROCESS = 1;
const S_IFMT = 0o170000;
const DEVICES: ReadonlySet<number> = new Set([0o020000, 0o060000]);

const any = (reach: Reach, rule: string, ...names: string[]): CallRule[] =>
  names.map((name) => ({ name, rule, reach }));

const argument = ({ args }: Call, index: number): number => (args[index] ?? 0) | 0;

const toRoot = (name: string, ids: number): CallRule => ({
  name,
  rule: 'become-root',
  reach: 'privilege',
  when: (act) => Array.from({ length: ids }, (_, index) => argument(act, index)).includes(0),
  text: () => `${name} to 0`,
});

const makesDevice = (name: string, modeIndex: number): CallRule => ({
  name,
  rule: 'make-device',
  reach: 'host',
  when: (act) => DEVICES.has(argument(act, modeIndex) & S_IFMT),
  text: () => `${name} of a device`,
});

/** Signal number 0 only asks whether a process is there. The init of the sandbox is process 1; -1 means everyone. */
const signals = (name: string, signalIndex: number): CallRule => ({
  name,
  rule: 'signal-init',
  reach: 'process',
  when: (act) => {
    const target = argument(act, 0);
    return (
      act.tgid !== INIT && argument(act, signalIndex) !== 0 && (target === INIT || (name === 'kill' && target === -1))
    );
  },
  text: (act) => `${name} ${argument(act, 0)} with signal ${argument(act, signalIndex)}`,
});

/** Calls that look into the process whose id they are given: 0 and its own are a process's own business. */
const ofAnother = (name: string, ids: number): CallRule => ({
  name,
  rule: 'other-process',
  reach: 'process',
  when: (act) => act.args.slice(0, ids).some((id) => (id | 0) !== 0 && (id | 0) !== act.tgid),
  text: () => `${name} of another process`,
});

/** Calls that change another process's limits or turn at the processor; a guest has no business with the init's. */
const bendsInit = (name: string, pidIndex: number, bends: (act: Call) => boolean): CallRule => ({
  name,
  rule: 'bend-init',
  reach: 'process',
  when: (act) => act.tgid !== INIT && argument(act, pidIndex) === INIT && bends(act),
  text: () => `${name} of process ${INIT}`,
});

export const callRules: readonly CallRule[] = [
  ...any(
    'privilege',
    'mount',
    'mount',
    'umount2',
    'open_tree',
    'move_mount',
    'fsopen',
    'fsconfig',
    'fsmount',
    'fspick',
  ),
  ...any('privilege', 'change-root', 'chroot', 'pivot_root'),
  ...any('privilege', 'namespace', 'setns'),
  {
    name: 'unshare',
    rule: 'namespace',
    reach: 'privilege',
    when: (act) => (argument(act, 0) & NAMESPACES) !== 0,
    text: (act) => `unshare: ${namespaceNames(argument(act, 0))}`,
  },
  ...any(
    'privilege',
    'kernel-surface',
    'bpf',
    'userfaultfd',
    'perf_event_open',
    'fanotify_init',
    'add_key',
    'request_key',
    'keyctl',
  ),
  ...any(
    'privilege',
    'host-control',
    'iopl',
    'ioperm',
    'settimeofday',
    'clock_settime',
    'sethostname',
    'setdomainname',
    'acct',
  ),
  ...any(
    'host',
    'host-control',
    'init_module',
    'finit_module',
    'delete_module',
    'kexec_load',
    'kexec_file_load',
    'reboot',
  ),
  ...any('host', 'host-control', 'swapon', 'swapoff', 'syslog', 'open_by_handle_at', 'quotactl'),
  ...any(
    'process',
    'other-process',
    'ptrace',
    'process_vm_readv',
    'process_vm_writev',
    'pidfd_getfd',
    'process_madvise',
  ),
  ofAnother('kcmp', 2),
  ofAnother('migrate_pages', 1),
  ofAnother('move_pages', 1),
  ...any('privilege', 'become-root', 'setgroups'),
  toRoot('setuid', 1),
  toRoot('setgid', 1),
  toRoot('setreuid', 2),
  toRoot('setregid', 2),
  toRoot('setresuid', 3),
  toRoot('setresgid', 3),
  toRoot('setfsuid', 1),
  toRoot('setfsgid', 1),
  makesDevice('mknod', 1),
  makesDevice('mknodat', 2),
  signals('kill', 1),
  signals('tkill', 1),
  signals('tgkill', 2),
  signals('rt_sigqueueinfo', 1),
  signals('rt_tgsigqueueinfo', 2),
  // Without a new limit it only asks for the old one.
  bendsInit('prlimit64', 0, ({ args }) => (args[2] ?? 0) !== 0),
  bendsInit('setpriority', 1, (act) => argument(act, 0) === PRIO_PROCESS),
  bendsInit('ioprio_set', 1, (act) => argument(act, 0) === IOPRIO_WHO_PROCESS),
  bendsInit('sched_setaffinity', 0, () => true),
  bendsInit('sched_setparam', 0, () => true),
  bendsInit('sched_setscheduler', 0, () => true),
  bendsInit('sched_setattr', 0, () => true),
  // A handle on the init serves only to signal it or to reach into it.
  bendsInit('pidfd_open', 0, () => true),
];

/** Calls after which the guest's paths may mean other files than before. A new namespace alone changes none. */
const CHANGES_VIEW: ReadonlySet<string> = new Set([
  'mount',
  'umount2',
  'move_mount',
  'fsmount',
  'open_tree',
  'chroot',
  'pivot_root',
  'setns',
]);

export const changesView = (act: Act): boolean => act.kind === 'call' && CHANGES_VIEW.has(act.name);

/** Whether the guest may now have a network of its own making, whose addresses are not outside. */
export const changesNetwork = (act: Act): boolean =>
  (act.kind === 'call' && act.name === 'setns') ||
  (act.kind === 'call' && act.name === 'unshare' && (argument(act, 0) & NEW_NETWORK) !== 0) ||
  (act.kind === 'spawned' && act.name === 'clone' && (act.flags & NEW_NETWORK) !== 0);
