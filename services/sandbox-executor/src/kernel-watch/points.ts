import { SYSCALL_NAMES } from './syscalls.ts';

/** One entry of `trace_session.points` in gVisor's `--pod-init-config`. */
export interface TracePoint {
  readonly name: string;
  readonly optional_fields?: readonly string[];
  readonly context_fields: readonly string[];
}

/**
 * Numbers only. A string chosen by the guest (process name, working folder) that is not UTF-8 makes gVisor lose the
 * whole message without counting it as dropped, so none may ride on a message whose loss would not be noticed.
 */
const NUMBERS = ['time', 'thread_id', 'group_id'] as const;

const point = (name: string, context: readonly string[] = [], optional: readonly string[] = []): TracePoint => ({
  name,
  ...(optional.length > 0 ? { optional_fields: optional } : {}),
  context_fields: [...NUMBERS, ...context],
});

const lifecycle = [
  point('container/start', ['container_id']),
  point('sentry/clone'),
  point('sentry/execve'),
  point('sentry/task_exit'),
];

/** Announced by its raw twin, so that a name that gVisor cannot send leaves a raw call without its typed message. */
const named = [
  point('syscall/open/enter', ['cwd']),
  point('syscall/open/exit', ['cwd']),
  point('syscall/creat/enter', ['cwd']),
  point('syscall/creat/exit', ['cwd']),
  point('syscall/openat/enter', ['cwd'], ['fd_path']),
  point('syscall/openat/exit', ['cwd'], ['fd_path']),
  point('syscall/execve/enter', ['cwd']),
  point('syscall/execveat/enter', ['cwd'], ['fd_path']),
];

const network = [
  point('syscall/socket/enter'),
  point('syscall/socket/exit'),
  point('syscall/connect/enter'),
  point('syscall/connect/exit'),
  point('syscall/bind/enter'),
];

const spawning = [point('syscall/clone/exit'), point('syscall/fork/exit'), point('syscall/vfork/exit')];

const TYPED_ONLY = new Set(['socket', 'connect', 'bind', 'clone', 'fork', 'vfork']);
/** Judged by their result. Raw exits carry no context, so these records name no thread. */
const BY_RESULT = new Set(['clone3', 'io_uring_setup', 'openat2', 'symlink', 'symlinkat']);

const raw = Object.entries(SYSCALL_NAMES)
  .filter(([, name]) => !TYPED_ONLY.has(name))
  .map(([sysno, name]) => point(`syscall/sysno/${sysno}/${BY_RESULT.has(name) ? 'exit' : 'enter'}`));

/** The points of a trace session, valid for runsc 20221219 and 20240729 on x86-64. `points.json` is this, written out. */
export const tracePoints: readonly TracePoint[] = [...lifecycle, ...named, ...network, ...spawning, ...raw];
