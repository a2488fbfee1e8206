import type { Act } from './acts.ts';
import { errnoName, opensForWriting, UNFINISHED } from './acts.ts';
import type { Context, Exit, Message } from './messages.ts';
import { isBeyondDescriptor, resolvePath } from './paths.ts';
import { NAMESPACES } from './call-rules.ts';
import { NAMED_CALLS, SPAWN_CALLS } from './syscalls.ts';

type Of<T extends Message['type']> = Extract<Message, { type: T }>;
type Paired = Of<'open'> | Of<'socket'> | Of<'address'>;

interface Thread {
  /** A named call was announced by number; its typed message must be the next thing this thread says. */
  announced?: string;
  /** A call that has begun and not yet ended. */
  open?: Paired;
}

const PROCESSES_MAX = 8_192;
const INIT = 1;
/** Paired calls that are told when they begin: nothing listens for their end. */
const WITHOUT_EXIT: ReadonlySet<string> = new Set(['bind']);

/** What a call is about, where it is a text in the guest's memory. */
const objectOf = (message: Paired): string =>
  message.type === 'open' ? message.path : message.type === 'address' ? message.address.text : '';

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1).slice(0, 64);

/**
 * Turns the messages of one session into acts: joins the beginning and the end of a call, names processes, and notices
 * calls whose typed message never came. That happens when a string in it is not UTF-8: gVisor then loses the message
 * without counting it, and the announcement by number is all there is.
 */
export class Interpreter {
  concealed = 0;
  initStatus: number | null = null;
  #origin: readonly [number, number] = [0, 0];
  #originMs = 0;
  #lastNs = 0;
  readonly #threads = new Map<number, Thread>();
  readonly #names = new Map<number, string>();

  read(message: Message): Act[] {
    const { context } = message;
    if (message.type === 'start') return [this.#start(message)];
    if (message.type === 'raw') return this.#raw(message);
    const before = context.tid === 0 ? [] : this.#unannounce(context, message);
    return [...before, ...this.#typed(message)];
  }

  /** The session is over: what had begun did not end. */
  end(): Act[] {
    const unfinished = [...this.#threads.values()].flatMap(({ open }) =>
      open ? [this.#finished(open, undefined)] : [],
    );
    this.#threads.clear();
    return unfinished;
  }

  /** Epoch milliseconds, to the microsecond, of what happened `t` nanoseconds after the container's start. */
  epochMs(t: number): number {
    return Math.round((this.#originMs + t / 1e6) * 1e3) / 1e3;
  }

  /** When the guest was last heard of, in epoch milliseconds. */
  get lastMs(): number {
    return this.epochMs(this.#lastNs);
  }

  #typed(message: Exclude<Message, Of<'start'> | Of<'raw'>>): Act[] {
    switch (message.type) {
      case 'clone':
        this.#name(message.childTgid, this.#names.get(message.context.tgid) ?? '');
        return [
          { ...this.#base(message.context), kind: 'spawn', childTid: message.childTid, childTgid: message.childTgid },
        ];
      case 'image':
        this.#name(message.context.tgid, baseName(message.path));
        return [{ ...this.#base(message.context), kind: 'image', path: message.path, args: message.args }];
      case 'task-exit':
        return this.#taskExit(message);
      case 'exec': {
        const path = this.#resolved(message);
        return [{ ...this.#base(message.context), kind: 'exec', path, args: message.args }];
      }
      default:
        return this.#paired(message);
    }
  }

  #start(message: Of<'start'>): Act {
    this.#origin = message.context.time;
    this.#originMs = (this.#origin[1] * 0x1_0000_0000 + this.#origin[0]) / 1e6;
    this.#name(message.context.tgid, baseName(message.args[0] ?? ''));
    return { ...this.#base(message.context), kind: 'start', cwd: message.cwd, args: message.args };
  }

  #raw(message: Of<'raw'>): Act[] {
    const { context, call, args, exit } = message;
    const before = context.tid === 0 ? [] : this.#unannounce(context);
    if (exit) return [...before, ...this.#rawExit(message, exit)];
    if (NAMED_CALLS.has(call)) {
      this.#thread(context.tid).announced = call;
      // A thread that there is no room to follow may hide what it opens.
      if (!this.#threads.has(context.tid)) this.concealed += 1;
      return before;
    }
    return [...before, { ...this.#base(context), kind: 'call', name: call, args }];
  }

  /** Most raw exits name no thread: they are judged by their result alone. */
  #rawExit({ context, call, args }: Of<'raw'>, exit: Exit): Act[] {
    const errno = errnoName(exit.errno);
    if (!SPAWN_CALLS.has(call)) {
      // `openat2` and `io_uring_setup` open a way past the watched calls; gVisor has neither as shipped. A symbolic link
      // gives a file a second name, and gVisor does not tell which file: whatever is opened by it later is hidden.
      if (exit.errno === 0) this.concealed += 1;
      return [{ ...this.#base(context), kind: 'opaque', name: call, errno }];
    }
    // A start that was granted is told by its `spawn`; only refusals and new namespaces add anything.
    const flags = call === 'clone' ? (args[0] ?? 0) | 0 : 0;
    if (errno === '' && (flags & NAMESPACES) === 0) return [];
    return [{ ...this.#base(context), kind: 'spawned', name: call, flags, errno }];
  }

  #paired(message: Paired): Act[] {
    const thread = this.#thread(message.context.tid);
    const begun = thread.open;
    delete thread.open;
    if (message.exit) return [this.#finished(message, message.exit, begun)];
    if (WITHOUT_EXIT.has(message.call)) return [this.#finished(message, NO_ERROR)];
    thread.open = message;
    return begun ? [this.#finished(begun, undefined)] : [];
  }

  /** The object is taken from where the call began: by its end another thread may have written over it. */
  #finished(message: Paired, exit: Exit | undefined, begun: Paired = message): Act {
    const told = begun.type === message.type ? begun : message;
    // Each is read from the guest's memory. Where they differ, what the kernel itself read in between was not told.
    if (objectOf(told) !== objectOf(message)) this.concealed += 1;
    const base = this.#base(told.context);
    const errno = exit ? errnoName(exit.errno) : UNFINISHED;
    if (told.type === 'open') {
      return { ...base, kind: 'open', path: this.#resolved(told), write: opensForWriting(told.flags), errno };
    }
    if (told.type === 'socket') {
      const { domain, socketType, protocol } = told;
      return { ...base, kind: 'socket', family: domain, socketType, protocol, errno };
    }
    const { family, text, local } = told.address;
    return { ...base, kind: told.call === 'bind' ? 'bind' : 'connect', family, address: text, local, errno };
  }

  #taskExit(message: Of<'task-exit'>): Act[] {
    const { tid, tgid } = message.context;
    const open = this.#threads.get(tid)?.open;
    const before = open ? [this.#finished(open, undefined)] : [];
    this.#threads.delete(tid);
    if (tid !== tgid) return before;
    const exit: Act = { ...this.#base(message.context), kind: 'exit', status: message.status };
    if (tgid === INIT) this.initStatus = message.status;
    this.#names.delete(tgid);
    return [...before, exit];
  }

  /** Before anything else a thread says: the call it had announced and not followed up was concealed. */
  #unannounce(context: Context, next?: Message): Act[] {
    const thread = this.#threads.get(context.tid);
    const announced = thread?.announced;
    if (!thread || announced === undefined) return [];
    delete thread.announced;
    if (next && (next.type === 'open' || next.type === 'exec') && !next.exit && next.call === announced) return [];
    this.concealed += 1;
    return [{ ...this.#base(context), kind: 'concealed', name: announced }];
  }

  #resolved({ path, fdPath, context }: { path: string; fdPath: string; context: Context }): string {
    const { tid, tgid, cwd } = context;
    const resolved = resolvePath(path, fdPath === '' ? cwd : fdPath, [tgid, tid]);
    if (isBeyondDescriptor(resolved)) this.concealed += 1;
    return resolved;
  }

  #thread(tid: number): Thread {
    let thread = this.#threads.get(tid);
    if (!thread) {
      thread = {};
      if (this.#threads.size < PROCESSES_MAX) this.#threads.set(tid, thread);
    }
    return thread;
  }

  #name(tgid: number, name: string): void {
    if (this.#names.size < PROCESSES_MAX || this.#names.has(tgid)) this.#names.set(tgid, name);
  }

  #base({ time, tid, tgid }: Context): { t: number; tid: number; tgid: number; proc: string } {
    // What names no thread has no time either: it is put where it was heard.
    const t = tid === 0 ? this.#lastNs : (time[1] - this.#origin[1]) * 0x1_0000_0000 + (time[0] - this.#origin[0]);
    this.#lastNs = Math.max(this.#lastNs, t);
    return { t, tid, tgid, proc: this.#names.get(tgid) ?? '' };
  }
}

const NO_ERROR: Exit = { result: 0, errno: 0 };
