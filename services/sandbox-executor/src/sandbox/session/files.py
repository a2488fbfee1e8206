# Files of a session, written and read by its first process as the guest's user, in the work folder only. A guest may put anything in
# the place of anything at any time: every step of a path is opened from the step before it and no link is followed, wherever it leads.
# A name that is not text is never opened: the observer outside could not tell what was.

# A path is to fit below one more folder of another sandbox, which takes 1024 bytes.
DEPTH_MAX, PATH_BYTES_MAX, ENTRIES_MAX = 32, 1000, 10000
STEPS_AT_ONCE = 64
# Without O_DIRECTORY: gVisor follows a link where that is asked for, whatever else is.
SAFELY = posix.O_NOFOLLOW | posix.O_NONBLOCK
KIND_BITS, REGULAR, DIRECTORY = 0o170000, 0o100000, 0o040000
# In a frame: file, folder, link. Others are special (s); and there are big (b), unreadable (u), and badly named or too deep (n).
KINDS = {REGULAR: b"f", DIRECTORY: b"d", 0o120000: b"l"}


def open_kind(kind, name, flags, mode=0o600, folder=None):
    """Neither follows a link nor waits for the other end of a pipe that a guest put there."""
    fd = posix.open(name, flags | SAFELY, mode, dir_fd=folder)
    if posix.fstat(fd).st_mode & KIND_BITS != kind:
        posix.close(fd)
        raise ValueError("it is no " + ("regular file" if kind == REGULAR else "folder"))
    return fd


def open_folder(steps, make=False):
    folder = open_kind(DIRECTORY, WORK, posix.O_RDONLY)
    try:
        for step in steps:
            if make:
                try:
                    posix.mkdir(step, 0o755, dir_fd=folder)
                except FileExistsError:
                    pass
            below = open_kind(DIRECTORY, step, posix.O_RDONLY, folder=folder)
            posix.close(folder)
            folder = below
    except BaseException:
        posix.close(folder)
        raise
    return folder


def open_path(path, flags, mode=0o600):
    steps = path.decode("utf-8").split("/")
    if any(step in ("", ".", "..") for step in steps):
        raise ValueError("the path leaves the work folder")
    folder = open_folder(steps[:-1], bool(flags & posix.O_CREAT))
    try:
        return open_kind(REGULAR, steps[-1], flags, mode, folder)
    finally:
        posix.close(folder)


def open_up(name, kind, mode, folder=None):
    """What a guest closed to hide it is opened for us, its owner. Only while nothing runs: a link could take its place."""
    needed = {REGULAR: 0o400, DIRECTORY: 0o500}.get(kind, 0)
    if mode & needed != needed:
        posix.chmod(name, (mode | needed) & 0o777, dir_fd=folder)


class Files:
    def __init__(self, session):
        self.session = session
        self.writes, self.jobs = {}, []
        self.tasks = {b"w": self.begin_write, b"d": self.write_on, b"e": self.end_write, b"r": self.read, b"n": self.snapshot}

    def begin_write(self, number, payload):
        (mode,) = words(payload, 1)
        fd = self.writes[number] = open_path(payload[8:], posix.O_WRONLY | posix.O_CREAT, mode)
        posix.ftruncate(fd, 0)
        posix.fchmod(fd, mode)

    def write_on(self, number, payload):
        write_all(self.writes[number], payload)

    def end_write(self, number, _):
        self.forget(number)
        self.session.tell(b"a", number)

    def forget(self, number):
        if number in self.writes:
            posix.close(self.writes.pop(number))

    def read(self, number, payload):
        (bytes_max,) = words(payload, 1)
        fd = open_path(payload[8:], posix.O_RDONLY)
        self.jobs.append((number, self.reading(number, fd, bytes_max)))

    def snapshot(self, number, payload):
        bytes_max, still = words(payload, 2)
        if still:
            self.session.kill_all()
            open_up(WORK, DIRECTORY, posix.stat(WORK).st_mode)
        self.jobs.append((number, self.walking(number, bytes_max, still)))

    def work(self):
        """Files are read as fast as they are taken, one after another, and some at a time."""
        for _ in range(STEPS_AT_ONCE):
            if not self.jobs or not self.session.room:
                return
            number, job = self.jobs[0]
            try:
                next(job)
            except StopIteration:
                self.jobs.pop(0)
            except Exception as error:
                self.jobs.pop(0)
                self.session.refuse(number, error)

    def reading(self, number, fd, bytes_max):
        try:
            size = posix.fstat(fd).st_size
            yield from self.content(number, fd, min(size, bytes_max))
        finally:
            posix.close(fd)
        self.session.tell(b"a", number, b"%d" % size)

    def content(self, number, fd, size):
        while size > 0:
            part = posix.read(fd, min(size, PIECE_BYTES))
            if not part:
                return
            size -= len(part)
            self.session.tell(b"m", number, part)
            yield

    def walking(self, number, left, still):
        """Every file below the work folder, each told by its kind, mode and path, and the content of regular ones while there is room."""
        entries, folders = 0, [()]
        while folders:
            steps = folders.pop()
            try:
                folder = open_folder(steps)
            except (OSError, ValueError):
                self.tell_entry(number, b"u", 0, "/".join(steps))
                continue
            try:
                with posix.scandir(folder) as found:
                    for name in (entry.name for entry in found):
                        entries += 1
                        if entries > ENTRIES_MAX:
                            return self.session.tell(b"a", number, b"0")
                        kind, mode, fd, size = self.entry(steps, name, folder, left, still)
                        if kind == b"d":
                            folders.append(steps + (name,))
                            continue
                        self.tell_entry(number, kind, mode, "/".join(steps + (name,)))
                        yield
                        left -= size
                        yield from self.told_content(number, fd, size)
            finally:
                posix.close(folder)
        self.session.tell(b"a", number, b"1")

    def told_content(self, number, fd, size):
        if fd is None:
            return
        try:
            yield from self.content(number, fd, size)
        finally:
            posix.close(fd)

    def tell_entry(self, number, kind, mode, path):
        self.session.tell(b"h", number, kind + b" %d " % mode + path.encode("utf-8", "surrogateescape")[:PATH_BYTES_MAX])

    def entry(self, steps, name, folder, left, still):
        """Kind, mode, and of a regular file that is to be told its descriptor and size."""
        try:
            path_bytes = len("/".join(steps + (name,)).encode("utf-8"))
        except UnicodeEncodeError:
            return b"n", 0, None, 0
        try:
            mode = posix.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
            if still:
                open_up(name, mode & KIND_BITS, mode, folder)
            kind, mode = KINDS.get(mode & KIND_BITS, b"s"), mode & 0o777
            if path_bytes > PATH_BYTES_MAX or len(steps) >= DEPTH_MAX:
                return b"n", mode, None, 0
            if kind != b"f":
                return kind, mode, None, 0
            fd = open_kind(REGULAR, name, posix.O_RDONLY, folder=folder)
        except (OSError, ValueError):
            return b"u", 0, None, 0
        size = posix.fstat(fd).st_size
        if size <= left:
            return kind, mode, fd, size
        posix.close(fd)
        return b"b", mode, None, 0
