# Who came from whom among the processes of a session. A process cannot leave its session for another's, only for a new one of its own, and
# its parent is known until that ends: what is neither in a known session nor below a known process is nobody's.


def processes():
    """Every other process of this sandbox that has not ended: id to parent, session and start."""
    found = {}
    for name in posix.listdir("/proc"):
        if name.isdigit() and name != "1":
            text = text_of("/proc/" + name + "/stat")
            # A program's name may hold anything, but nothing behind it can hold a bracket.
            fields = text[text.rfind(")") + 1:].split()
            if len(fields) > 19 and fields[0] not in "ZX":
                found[int(name)] = int(fields[1]), int(fields[3]), fields[19]
    return found


class Lineage:
    def __init__(self, session):
        self.session = session
        # What calls that ended well left running: (process, start), and the sessions of those.
        self.left, self.left_sessions = set(), set()

    def owner(self, pid, table):
        """The call that a process comes from; LEFT for what an earlier one left running; None where that cannot be told."""
        by_pid = self.session.by_pid
        for _ in range(len(table)):
            if pid not in table:
                return None
            parent, session, start = table[pid]
            for known in (pid, session):
                if known in by_pid:
                    # The spare is nobody's, and not the guest's either.
                    return by_pid[known] or LEFT
            if (pid, start) in self.left or session in self.left_sessions:
                return LEFT
            pid = parent
        return None

    def doomed(self, call):
        """What has to go with a call."""
        table = processes()
        return [pid for pid in table if self.owner(pid, table) in (call, None)]

    def leave(self, call):
        """Remembers what a call that has just ended leaves running: that is nothing of the next one's."""
        gauge, by_pid = self.session.gauge, self.session.by_pid
        kept, table = [], {}
        if gauge.alive > 1 or not gauge.tasks_known:
            table = processes()
            mine = (call, LEFT) if self.session.calls else (call, LEFT, None)
            kept = [pid for pid in table if pid not in by_pid and self.owner(pid, table) in mine]
        self.left = {(pid, table[pid][2]) for pid in kept}
        self.left_sessions = {table[pid][1] for pid in kept}
