# The second part of the first process, for a sandbox that runs many programs one after another: a session. It is run inside init.py
# (and needs what is there) once a sandbox is opened for that use, so that a sandbox for one program need not compile it.
# A guest here has none of the descriptors that init hears and speaks through: each call's output comes through pipes of its own,
# and is told in frames that carry the session's secret. What the frames hold is in frames.ts.
# But gVisor lets a guest open init's descriptors anew, through /proc (which the observer calls an attempt). It can then write among the
# frames, which lacks the secret; take away what init should hear, which is found out by the secret in it and by counting; and change
# what is about to be run, which is looked at again once it can no longer be changed.
#
# How calls end. When its program ends, a call ends, with all that was written by then. What it leaves running lives on, as in a shell,
# counts against the limit of tasks and may go on writing, within the call's bound on output. A call that is killed (time, output, the
# executor's word) goes with its session, its descendants, and everything that cannot be told to come from elsewhere; what was there when
# an earlier call ended well is not touched by the time-out of the next. At the end of the session nothing lives on.
import _signal, posix, select, time

HEAD_BYTES = 41
HEARD_BYTES_MAX = 1 << 20
PIECE_BYTES = 1 << 16
# What waits to be told. Nothing more is read of guests while it is so much.
QUEUE_BYTES_MAX = 1 << 18
# A pipe holds no more in gVisor, whatever a guest asks for: what a program wrote before it ended is found within this.
DRAIN_BYTES_MAX = 1 << 20
LATE_STREAMS_MAX = 32
SWEEP_S_MAX, LAST_WORDS_S_MAX = 1.0, 1.0
SPARE_AFTER_S, IDLE_S = 0.1, 0.5
BLOCK_BYTES = 4096
SFD_NONBLOCK, SFD_CLOEXEC, SIGINFO_BYTES = 0o4000, 0o2000000, 128
LEFT = "left"


def signals_of(*numbers):
    """A descriptor that tells of blocked signals, so that they can be waited for together with everything else."""
    mask = sum(1 << (number - 1) for number in numbers).to_bytes(128, "little")
    return _ctypes.call_function(_ctypes.dlsym(libc, "signalfd"), (-1, mask, SFD_NONBLOCK | SFD_CLOEXEC))


def words(payload, count):
    return tuple(int.from_bytes(payload[at * 8:at * 8 + 8], "big") for at in range(count))


def kill_quietly(kill, target):
    """Whether there was anything to kill."""
    try:
        kill(target, _signal.SIGKILL)
        return True
    except ProcessLookupError:
        return False


class Call:
    """One program: a child that leads a session of its own, and what is known of it."""

    def __init__(self, number, spare):
        self.number, self.spare, self.pid = number, spare, spare.pid
        self.began = self.deadline = self.cause = self.status = self.elapsed_ms = None
        self.left = self.dropped = self.told_dropped = self.tasks_peak = 0
        self.drain, self.free_min = DRAIN_BYTES_MAX, free_bytes()
        self.over = False

    @property
    def running(self):
        return self.began is not None and self.status is None

    @property
    def ended(self):
        # A guest can kill what waits for the rest of its input: that is a call which ends as soon as it begins.
        return self.began is not None and self.status is not None

    def saw(self, gauge):
        self.free_min, self.tasks_peak = min(self.free_min, gauge.free), max(self.tasks_peak, gauge.alive)


class Session:
    def __init__(self, nonce, gauge, spare, tasks_max, deadline):
        global received, taken
        self.nonce, self.gauge, self.tasks_max, self.deadline = nonce, gauge, tasks_max, deadline
        self.heard, received, taken = bytearray(received[taken:]), b"", 0
        self.heard_bytes = len(self.heard)
        self.queue, self.cause, self.refused = bytearray(), None, None
        self.signals = signals_of(_signal.SIGCHLD, _signal.SIGTERM)
        self.calls, self.by_pid = {}, {}
        # Descriptors of calls' output: the call, and what it is in a frame. A call that is over may still have some.
        self.streams = {}
        self.lineage = Lineage(self)
        self.take_spare(spare)
        self.spare_due = self.look_due = 0
        self.files, self.forward = Files(self), Forward(self)
        self.tasks = {b"c": self.close, b"i": self.give_input, b"x": self.execute, b"k": self.kill_call, **self.files.tasks, **self.forward.tasks}
        posix.set_blocking(1, False)

    # What is told.

    def tell(self, kind, number, payload=b""):
        self.queue += self.nonce + kind + number.to_bytes(4, "big") + len(payload).to_bytes(4, "big") + payload

    def flush(self):
        """Whether there is room for more."""
        while self.queue:
            try:
                with memoryview(self.queue) as waiting:
                    written = posix.write(1, waiting[:PIECE_BYTES])
            except BlockingIOError:
                break
            del self.queue[:written]
        return self.room

    @property
    def room(self):
        return len(self.queue) < QUEUE_BYTES_MAX

    # The one loop.

    def serve(self):
        """Until the session ends: the wait status that stands for it, and why."""
        # It may have come together with what was read before this began.
        self.attend()
        while not self.cause:
            self.flush()
            self.make_spare()
            ready = self.wait()
            if self.signals in ready:
                self.hear_signals()
            if 0 in ready:
                self.listen()
            self.read_streams(ready)
            self.forward.serve(ready)
            self.files.work()
            self.look()
        if self.cause != "end":
            return int(_signal.SIGKILL), self.cause
        self.last_words()
        return 0, self.cause

    def wait(self):
        poll = select.poll()
        for fd in (0, self.signals):
            poll.register(fd, select.POLLIN)
        if self.queue or not self.room:
            poll.register(1, select.POLLOUT)
        if self.room:
            for fd in self.streams:
                poll.register(fd, select.POLLIN)
        self.forward.register(poll)
        return {fd for fd, _ in poll.poll(self.rest_ms())}

    def rest_ms(self):
        if self.room and (self.files.jobs or any(call.ended for call in self.calls.values())):
            return 0
        if not self.calls:
            return int(1000 * (IDLE_S if self.spare else SPARE_AFTER_S))
        due = min([self.look_due] + [call.deadline for call in self.calls.values() if call.running and not call.cause])
        return max(0, int(1000 * (due - time.monotonic()))) + 1

    def look(self):
        now = time.monotonic()
        # A sandbox that waits for a model's words has nothing to be looked at but once a second.
        if now >= (self.look_due if self.calls else self.gauge.usage_due):
            self.see()
            near = self.gauge.alive * 4 >= self.tasks_max
            self.look_due = now + (TICK_NEAR_LIMIT_S if near else self.gauge.tick)
        # A guest may have taken the signal that says so.
        if self.calls:
            self.reap()
        for call in list(self.calls.values()):
            if call.running and not call.cause and now > call.deadline:
                self.kill(call, "time")
            if call.ended:
                self.finish(call)
        if now >= self.gauge.usage_due:
            self.tell(b"q", 0, b"%d" % self.heard_bytes)
            for call in {call for call, _ in self.streams.values()}:
                self.tell_dropped(call)
        self.gauge.tell()
        if now > self.deadline and not self.cause:
            self.cause = "overdue"

    def see(self):
        self.gauge.look(1 if self.spare else 0)
        for call in self.calls.values():
            call.saw(self.gauge)

    def last_words(self):
        """The session is closed: all that runs is ended, and what it had written is told."""
        self.kill_all()
        deadline = time.monotonic() + LAST_WORDS_S_MAX
        while time.monotonic() < deadline:
            for call in list(self.calls.values()):
                if call.ended:
                    self.finish(call)
            if self.room:
                for fd in list(self.streams):
                    self.read_stream(fd)
            self.flush()
            if not self.queue and not self.streams:
                return
            time.sleep(0.0005)

    # Processes.

    def make_spare(self):
        """When nothing else is to be done: it takes milliseconds in which nobody is heard."""
        if self.spare is None and not self.calls and not self.queue and time.monotonic() >= self.spare_due:
            try:
                self.take_spare(Spare(True))
            except OSError:
                # No process is to be had now. A call that needs one is told so.
                self.spare_due = time.monotonic() + SPARE_AFTER_S

    def take_spare(self, spare):
        self.spare = spare
        self.by_pid[spare.pid] = None

    def hear_signals(self):
        while True:
            try:
                info = posix.read(self.signals, SIGINFO_BYTES)
            except BlockingIOError:
                break
            signal, code, sender = (int.from_bytes(info[at:at + 4], "little") for at in (0, 8, 12))
            # As in `cause_of`: what a guest sends is ignored.
            if signal == _signal.SIGTERM and code == 0 and sender == 0:
                self.cause = "terminated"
        self.reap()

    def reap(self):
        while True:
            try:
                pid, status = posix.waitpid(-1, posix.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if self.spare and pid == self.spare.pid:
                self.drop_spare()
            call = self.by_pid.get(pid)
            if call:
                call.status = status
            else:
                self.by_pid.pop(pid, None)

    def drop_spare(self):
        """A guest killed it. Another is made soon, but not as fast as they can be killed."""
        self.spare.release()
        for fd in (self.spare.out, self.spare.err):
            posix.close(fd)
        self.spare, self.spare_due = None, time.monotonic() + SPARE_AFTER_S

    def kill(self, call, cause):
        """Ends a call and all that may have come of it."""
        call.cause = cause
        deadline = time.monotonic() + SWEEP_S_MAX
        while True:
            kill_quietly(posix.killpg, call.pid)
            doomed = self.lineage.doomed(call)
            for pid in doomed:
                kill_quietly(posix.kill, pid)
            self.reap()
            if not doomed:
                return
            if time.monotonic() > deadline:
                return self.kill_all()
            time.sleep(0.001)

    def kill_all(self):
        """Also what multiplies faster than it can be looked for."""
        for call in self.calls.values():
            if call.running and not call.cause:
                call.cause = "swept"
        deadline = time.monotonic() + SWEEP_S_MAX
        while kill_quietly(posix.kill, -1) and time.monotonic() < deadline:
            self.reap()
            time.sleep(0.001)
        self.reap()

    # What is heard.

    def listen(self):
        try:
            part = posix.read(0, PIECE_BYTES)
        except BlockingIOError:
            return
        if not part:
            self.cause = "abandoned"
        self.heard += part
        self.heard_bytes += len(part)
        self.attend()

    def attend(self):
        while self.heard and not self.cause:
            kind = bytes(self.heard[:1])
            if kind == b"s":
                self.cause = "told"
                return
            if len(self.heard) < HEAD_BYTES:
                return
            number, size = (int.from_bytes(self.heard[at:at + 4], "big") for at in (33, 37))
            if self.heard[1:33] != self.nonce or kind not in self.tasks or size > HEARD_BYTES_MAX:
                self.cause = "robbed"
                return
            if len(self.heard) < HEAD_BYTES + size:
                return
            payload = bytes(self.heard[HEAD_BYTES:HEAD_BYTES + size])
            del self.heard[:HEAD_BYTES + size]
            self.obey(kind, number, payload)

    def obey(self, kind, number, payload):
        # What follows a beginning that was refused is thrown away.
        if number == self.refused and kind in b"ixde":
            return
        try:
            self.tasks[kind](number, payload)
        except Exception as error:
            self.refuse(number, error)

    def refuse(self, number, error):
        why = isinstance(error, OSError) and error.strerror or str(error)
        call = self.calls.pop(number, None)
        if call:
            kill_quietly(posix.kill, call.pid)
            call.spare.release()
            call.over = True
            if call.status is None:
                self.by_pid[call.pid] = None
            else:
                del self.by_pid[call.pid]
        self.files.forget(number)
        self.refused = number
        self.tell(b"f", number, why.encode("utf-8", "replace")[:300])

    def close(self, *_):
        self.cause = "end"

    # Calls.

    def claim(self, number):
        """The call of a number. It has a process from its first word on."""
        if number not in self.calls:
            if self.spare is None:
                self.take_spare(Spare(True))
            call = self.calls[number] = Call(number, self.spare)
            self.by_pid[call.pid], self.spare = call, None
            for fd, kind in ((call.spare.out, b"o"), (call.spare.err, b"e")):
                posix.set_blocking(fd, False)
                self.streams[fd] = call, kind
        return self.calls[number]

    def give_input(self, number, payload):
        write_all(self.claim(number).spare.given, payload)

    def execute(self, number, payload):
        call = self.claim(number)
        time_ms, call.left = words(payload, 2)
        self.tell(b"p", number, b"%d" % call.pid)
        call.began = time.monotonic()
        call.deadline = call.began + time_ms / 1000
        call.spare.launch(payload[16:])
        # A guest may have stopped it while it waited. It is no longer there when a guest has killed it.
        if call.status is None:
            posix.kill(call.pid, _signal.SIGCONT)

    def kill_call(self, number, _):
        call = self.calls.get(number)
        if call and call.running and not call.cause:
            self.kill(call, "killed")

    def read_streams(self, ready):
        for fd in [fd for fd in self.streams if fd in ready]:
            if self.room and fd in self.streams:
                self.read_stream(fd)

    def read_stream(self, fd):
        """How many bytes were there; none also when there never will be any."""
        call, kind = self.streams[fd]
        try:
            part = posix.read(fd, PIECE_BYTES)
        except BlockingIOError:
            return 0
        if not part:
            posix.close(fd)
            del self.streams[fd]
            return 0
        kept = part[:call.left]
        call.left -= len(kept)
        call.dropped += len(part) - len(kept)
        if kept:
            self.tell(kind, call.number, kept)
        if len(kept) < len(part) and call.running and not call.cause:
            self.kill(call, "output")
        return len(part)

    def finish(self, call):
        """Tells the end of a call whose program has ended, as soon as all it wrote is told."""
        if call.elapsed_ms is None:
            call.elapsed_ms = int((time.monotonic() - call.began) * 1000)
            self.see()
        for fd in [fd for fd, (owner, _) in self.streams.items() if owner is call]:
            while call.drain > 0:
                if not self.flush():
                    return
                size = self.read_stream(fd)
                call.drain -= size
                if size == 0:
                    break
        del self.calls[call.number]
        self.lineage.leave(call)
        del self.by_pid[call.pid]
        call.over, call.told_dropped = True, call.dropped
        limits = int(call.free_min < BLOCK_BYTES), int(call.tasks_peak > self.tasks_max)
        facts = call.status, call.elapsed_ms, call.dropped, max(self.gauge.alive - 1, 0), *limits
        self.tell(b"r", call.number, b" ".join([(call.cause or "end").encode(), *(b"%d" % fact for fact in facts)]))
        self.bound_late()

    def bound_late(self):
        """A stream that somebody still holds is read on, so that nobody is ended or held up by having said something."""
        late = [fd for fd, (call, _) in self.streams.items() if call.over]
        for fd in late[:max(0, len(late) - LATE_STREAMS_MAX)]:
            self.tell_dropped(self.streams.pop(fd)[0])
            posix.close(fd)

    def tell_dropped(self, call):
        if call.over and call.dropped > call.told_dropped:
            self.tell(b"d", call.number, b"%d" % (call.dropped - call.told_dropped))
            call.told_dropped = call.dropped
