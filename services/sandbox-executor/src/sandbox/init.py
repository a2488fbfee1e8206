# First process of every sandbox. It is passed whole as `python3 -I -S -c`, so it needs nothing from the image but python3,
# and of an image that an operator added not even that: there it runs by the Python that the platform put into it.
# Only modules that load in a millisecond are used: this runs before every trial. What it reads and writes is in header.ts and record.ts.
# It first says what it finds itself in, which is judged outside, and then waits for a program, for a millisecond or for minutes.
# Instead of one program it can be given the text of a session (session.py), which runs many; the rest is the same for both.
import posix, resource, select, time
import _ctypes, _signal

MARK = b"\x00crucible:"
WORK, TMP, OPERATOR = "/work", "/tmp", "/home/operator"
PLACES = (WORK, TMP, "/dev/shm", OPERATOR)
# Where engines listen. A path that can be looked up is one too many.
SOCKETS = ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock", "/run/crio/crio.sock")
PROBED_ROOT = ("/", "/usr", "/etc", "/home", "/var/tmp")
TICK_S, TICK_QUIET_S, TICK_NEAR_LIMIT_S = 0.005, 0.02, 0.001
USAGE_EVERY_S = 1.0
SEARCHED_MAX = 2000
REAP_S_MAX = 2.0
FAREWELL_S_MAX = 2.0
BYE = b"b"
MFD_SEALABLE, F_ADD_SEALS, SEALS = posix.MFD_CLOEXEC | posix.MFD_ALLOW_SEALING, 1033, 0xF
PR_SET_DUMPABLE, PR_GET_DUMPABLE, PR_GET_NO_NEW_PRIVS = 4, 3, 39

libc = _ctypes.dlopen(None, 0)
prctl_address, sysinfo_address = _ctypes.dlsym(libc, "prctl"), _ctypes.dlsym(libc, "sysinfo")
fcntl_address = _ctypes.dlsym(libc, "fcntl")
sysinfo_buffer = bytes(bytearray(128))


def prctl(option):
    return _ctypes.call_function(prctl_address, (option, 0, 0, 0, 0))


def tasks():
    """Threads and processes alive. gVisor counts its own sandbox; another kernel counts the whole machine."""
    _ctypes.call_function(sysinfo_address, (sysinfo_buffer,))
    return int.from_bytes(sysinfo_buffer[80:82], "little")


received, taken, source = b"", 0, 0


def exactly(size):
    """Reads ahead: a system call costs more here than copying."""
    global received, taken
    if taken + size > len(received):
        parts, have = [received[taken:]], len(received) - taken
        while have < size:
            part = posix.read(source, min(max(size - have, 1 << 16), 1 << 20))
            if not part:
                posix._exit(125)
            parts.append(part)
            have += len(part)
        received, taken = b"".join(parts), 0
    taken += size
    return received[taken - size:taken]


def forget_read():
    """What was read may be large, and it is charged to the guest. Words to come may have been read with it."""
    global received, taken
    received, taken = received[taken:], 0


def number():
    return int.from_bytes(exactly(8), "big")


def blob():
    return exactly(number())


def blobs():
    return [blob() for _ in range(number())]


def write_all(fd, data):
    view = memoryview(data)
    while view:
        try:
            view = view[posix.write(fd, view):]
        except BlockingIOError:
            # The guest shares this pipe and can make it non-blocking.
            time.sleep(0.001)


def record(nonce, *fields):
    posix.set_blocking(2, True)
    write_all(2, MARK + nonce + b":" + b" ".join(str(field).encode("ascii", "replace") for field in fields) + b"\n")


def refuse(nonce, why):
    record(nonce, "refused", str(why).replace("\n", " ")[:300])
    posix._exit(125)


def text_of(path):
    try:
        fd = posix.open(path, posix.O_RDONLY)
        text = posix.read(fd, 65536).decode("ascii", "replace")
        posix.close(fd)
        return text
    except OSError as error:
        return "errno %d" % error.errno


def errno_of(call, *arguments):
    try:
        call(*arguments)
        return 0
    except OSError as error:
        return error.errno


def mkdir_refused(folder):
    # Making a folder is no opening of a file: the trace of this sandbox begins without an attempt of ours.
    return errno_of(posix.mkdir, folder.rstrip("/") + "/.crucible-probe")


def kernel_log():
    buffer = bytes(bytearray(512))
    size = _ctypes.call_function(_ctypes.dlsym(libc, "klogctl"), (3, buffer, len(buffer)))
    return buffer[:max(size, 0)].decode("ascii", "replace")


def size_of(place):
    try:
        found = posix.statvfs(place)
        return found.f_blocks * found.f_frsize
    except OSError:
        return -1


def findings():
    """What this process can tell of its sandbox. Nothing is judged here, and nothing opened that a guest may not open."""
    links, pairs = text_of("/proc/net/dev").split("\n"), lambda values: " ".join("%s=%s" % pair for pair in values)
    return (
        ("kernel", text_of("/proc/version")),
        ("log", kernel_log()),
        ("status", text_of("/proc/self/status")),
        ("interfaces", " ".join(line.split(":")[0].strip() for line in links if ":" in line)),
        ("routes", text_of("/proc/net/route")),
        ("routes6", text_of("/proc/net/ipv6_route")),
        ("mounts", text_of("/proc/self/mounts")),
        ("ids", " ".join(map(str, posix.getresuid() + posix.getresgid() + tuple(posix.getgroups())))),
        ("privileges", pairs((("new", 1 - prctl(PR_GET_NO_NEW_PRIVS)), ("dumpable", prctl(PR_GET_DUMPABLE))))),
        ("writes", pairs((folder, mkdir_refused(folder)) for folder in PROBED_ROOT)),
        ("sizes", pairs((place, size_of(place)) for place in PLACES)),
        ("limits", pairs((name, resource.getrlimit(getattr(resource, name))[1]) for name in ("RLIMIT_NOFILE", "RLIMIT_FSIZE", "RLIMIT_CORE"))),
        ("sockets", " ".join(path for path in SOCKETS if errno_of(posix.stat, path) != 2)),
        ("environment", " ".join(sorted(name.decode("ascii", "replace") for name in posix.environ))),
    )


def probed(nonce):
    clean = lambda text: text.replace("\x1e", "?").replace("\x1f", "?").replace("\n", "\x1e")
    record(nonce, "probed", "\x1f".join("%s:%s" % (name, clean(text)) for name, text in findings()))


def put_file(place, path, mode, content):
    steps = path.split("/")
    if any(step in ("", ".", "..") for step in steps):
        raise ValueError("path leaves its folder")
    for depth in range(1, len(steps)):
        try:
            posix.mkdir(place + "/" + "/".join(steps[:depth]), 0o755)
        except FileExistsError:
            pass
    fd = posix.open(place + "/" + path, posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | posix.O_NOFOLLOW, mode)
    try:
        write_all(fd, content)
    finally:
        posix.close(fd)


class Spare:
    """A child that waits to become a program. It costs gVisor many milliseconds to make a process, so that is done ahead."""

    def __init__(self, apart):
        """`apart`: it never holds what init hears and speaks through; not so the first, which waits while there is no guest."""
        wake, self.tell = posix.pipe()
        self.brief, self.given = posix.memfd_create("brief", MFD_SEALABLE), posix.memfd_create("stdin")
        (self.out, out), (self.err, err) = posix.pipe(), posix.pipe()
        try:
            self.pid = posix.fork()
        except OSError:
            for fd in (wake, self.tell, self.brief, self.given, self.out, out, self.err, err):
                posix.close(fd)
            raise
        if self.pid == 0:
            become_guest(wake, self.brief, self.given, out, err, apart)
        for fd in (wake, out, err):
            posix.close(fd)
        self.before = self.tell, self.brief, self.given

    def launch(self, brief):
        """Makes it the program that `brief` (encodeLaunch in header.ts) describes. Its standard input is what `given` holds."""
        write_all(self.brief, brief)
        # A guest that was there before can open this file through /proc, and be quick.
        sealed = _ctypes.call_function(fcntl_address, (self.brief, F_ADD_SEALS, SEALS)) == 0
        if not sealed or posix.pread(self.brief, len(brief) + 1, 0) != brief:
            raise ValueError("what was to be run was changed from inside the sandbox")
        for fd in (self.brief, self.given):
            posix.lseek(fd, 0, 0)
        # One byte never waits: a guest may have stopped this child, or killed it.
        try:
            posix.write(self.tell, b"!")
        except BrokenPipeError:
            pass
        self.release()

    def release(self):
        """Of what is needed only until it is a program."""
        for fd in self.before:
            posix.close(fd)
        self.before = ()


def become_guest(wake, brief, given, out, err, apart):
    """Never returns. Runs in the child: what it leaves open or set is what hostile code starts with."""
    global source, received, taken
    try:
        nothing = posix.open("/dev/null", posix.O_RDONLY)
        if apart:
            for fd, standard in ((nothing, 0), (out, 1), (err, 2)):
                posix.dup2(fd, standard)
        # These close themselves when the program is executed.
        kept = sorted((2, wake, brief, given, out, err, nothing, 4096))
        for low, high in zip(kept, kept[1:]):
            posix.closerange(low + 1, high)
        posix.setsid()
        posix.umask(0o022)
        for name in ("SIGPIPE", "SIGXFSZ", "SIGINT"):
            _signal.signal(getattr(_signal, name), _signal.SIG_DFL)
        if not posix.read(wake, 1):
            posix._exit(125)
        source, received, taken = brief, b"", 0
        argv, env, folder = blobs(), dict(pair.split(b"=", 1) for pair in blobs()), blob()
        for what in (resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
            most = number()
            resource.setrlimit(what, (most, most))
        posix.dup2(given if number() else nothing, 0)
        posix.set_blocking(0, True)
        if number():
            posix.dup2(out, 1)
            posix.dup2(err, 2)
        try:
            posix.chdir(folder)
        except OSError as error:
            posix.write(2, b"cannot work in " + folder + b": " + error.strerror.encode() + b"\n")
            posix._exit(127)
        name, folders = argv[0], [b""]
        if b"/" not in name:
            folders = [folder + b"/" for folder in env.get(b"PATH", b"/usr/local/bin:/usr/bin:/bin").split(b":")]
        failure = None
        _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
        for folder in folders:
            try:
                posix.execve(folder + name, argv, env)
            except OSError as error:
                if failure is None or failure.errno == 2:
                    failure = error
        posix.write(2, b"cannot run " + name + b": " + failure.strerror.encode() + b"\n")
    except BaseException as error:
        posix.write(2, ("cannot start the program: %r\n" % (error,)).encode("utf-8", "replace"))
    posix._exit(127)


def free_bytes():
    """Of the fullest of the places a program writes to; none where there is no room for one more file."""
    found = [posix.statvfs(place) for place in PLACES]
    return min(0 if place.f_files and not place.f_ffree else place.f_bavail * place.f_frsize for place in found)


def used_bytes(place):
    found = posix.statvfs(place)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def grown_to(most):
    """Whether a file stopped where the limit on its size is. Most programs are told of that by an error, not by a signal."""
    folders, searched = [WORK, TMP, "/dev/shm"], 0
    while folders:
        folder = folders.pop()
        try:
            with posix.scandir(folder) as entries:
                for entry in entries:
                    searched += 1
                    if searched > SEARCHED_MAX:
                        return False
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif entry.stat(follow_symlinks=False).st_size == most:
                        return True
        except OSError:
            pass
    return False


def fork_refused(tasks_max):
    resource.setrlimit(resource.RLIMIT_NPROC, (tasks_max, resource.getrlimit(resource.RLIMIT_NPROC)[1]))
    try:
        child = posix.fork()
    except BlockingIOError:
        return True
    if child == 0:
        posix._exit(0)
    return False


last_word = None


def heard():
    """One byte from the executor; b"" when it is gone, because the engine then closes our standard input; None when silent."""
    global last_word, taken
    try:
        if taken < len(received):
            taken += 1
            last_word = received[taken - 1:taken]
        else:
            last_word = posix.read(0, 1)
        return last_word
    except BlockingIOError:
        return None


def reap_ended(main):
    """Wait status of the main program if it was among those that ended, else None."""
    ended = None
    while True:
        try:
            pid, status = posix.waitpid(-1, posix.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        if pid == main:
            ended = status


def cause_of(signal, deadline):
    """Why the program has to end now, or None."""
    # A signal from outside the sandbox has no sender here; the guest's own attempts are ignored.
    if signal is not None and signal.si_signo == _signal.SIGTERM and signal.si_pid == 0 and signal.si_code == 0:
        return "terminated"
    word = heard()
    if word is not None and word != BYE:
        return "told" if word else "abandoned"
    # The last resort, when executor and engine have both died: nothing may outlive its wall time for long.
    return "overdue" if time.monotonic() > deadline else None


class Gauge:
    """What is used and what is left, looked at often. The extremes are told at the end, and some of it each second."""

    def __init__(self, nonce, tasks_known):
        self.nonce, self.tasks_known = nonce, tasks_known
        self.free = self.free_min = free_bytes()
        self.alive = self.tasks_peak = self.told = 0
        self.tick, self.before = TICK_S, None
        self.usage_due = time.monotonic() + USAGE_EVERY_S

    def look(self, spares=0):
        """`spares`: processes that are ours and not the guest's."""
        if self.tasks_known:
            self.alive = tasks() - spares
            self.tasks_peak = max(self.tasks_peak, self.alive)
        self.free = free_bytes()
        self.free_min = min(self.free_min, self.free)
        # Many sandboxes wait for something most of their time, and each look costs the machine.
        self.tick = min(self.tick * 2, TICK_QUIET_S) if self.before == (self.alive, self.free) else TICK_S
        self.before = self.alive, self.free

    def tell(self):
        """Left out when the guest has filled the pipe: to wait would be to watch nothing meanwhile."""
        if time.monotonic() < self.usage_due:
            return
        self.usage_due += USAGE_EVERY_S
        self.told += 1
        poll = select.poll()
        poll.register(2, select.POLLOUT)
        if poll.poll(0):
            record(self.nonce, "usage", self.told, used_bytes(WORK), used_bytes(TMP), max(self.alive - 1, 0))


def watch(gauge, main, tasks_max, deadline):
    """Until the main program ends: its wait status and why it ended."""
    while True:
        tick = gauge.tick if gauge.alive * 4 < tasks_max else TICK_NEAR_LIMIT_S
        signal = _signal.sigtimedwait((_signal.SIGCHLD, _signal.SIGTERM), tick)
        gauge.look()
        if signal is not None and signal.si_signo == _signal.SIGCHLD:
            status = reap_ended(main)
            if status is not None:
                return status, "end"
        cause = cause_of(signal, deadline)
        if cause:
            return int(_signal.SIGKILL), cause
        gauge.tell()


def kill_rest():
    deadline = time.monotonic() + REAP_S_MAX
    while time.monotonic() < deadline:
        try:
            posix.kill(-1, _signal.SIGKILL)
        except ProcessLookupError:
            pass
        try:
            while posix.waitpid(-1, posix.WNOHANG)[0] != 0:
                pass
        except ChildProcessError:
            return
        time.sleep(0.001)


def main():
    _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
    tasks_known = tasks() == 1
    prctl(PR_SET_DUMPABLE)
    probe_nonce = blob()
    if probe_nonce:
        probed(probe_nonce)
    spare = Spare(False)
    nonce, launch, tasks_max, file_bytes_max, life_ms_max = blob(), blob(), number(), number(), number()
    try:
        write_all(spare.given, blob())
        for place in (WORK, OPERATOR):
            for _ in range(number()):
                path, mode = blob().decode("utf-8"), number()
                put_file(place, path, mode, blob())
        if not launch:
            exec(compile(blob(), "session", "exec"), globals())
    except Exception as error:
        refuse(nonce, "%s: %s" % (type(error).__name__, error))
    forget_read()
    record(nonce, "started")
    began = time.monotonic()
    posix.set_blocking(0, False)
    gauge, deadline = Gauge(nonce, tasks_known), began + life_ms_max / 1000
    if launch:
        for fd in (spare.out, spare.err):
            posix.close(fd)
        spare.launch(launch)
        status, cause = watch(gauge, spare.pid, tasks_max, deadline)
    else:
        status, cause = Session(nonce, gauge, spare, tasks_max, deadline).serve()
    elapsed_ms = int((time.monotonic() - began) * 1000)
    free_end, failed = free_bytes(), status != 0 and cause == "end"
    at_tasks_max = gauge.tasks_peak > tasks_max or (failed and fork_refused(tasks_max + 1))
    at_file_max = failed and grown_to(file_bytes_max)
    used = used_bytes(WORK), used_bytes(TMP)
    kill_rest()
    extremes = free_end, min(gauge.free_min, free_end), gauge.tasks_peak, int(at_tasks_max), int(at_file_max)
    record(nonce, "ended", cause, status, elapsed_ms, *extremes, *used)
    # The host's counts vanish with this process: leave it a moment to read them.
    deadline = time.monotonic() + FAREWELL_S_MAX
    while last_word is None and heard() is None and time.monotonic() < deadline:
        time.sleep(0.0005)
    posix._exit(128 + (status & 0x7F) if status & 0x7F else status >> 8)


main()
