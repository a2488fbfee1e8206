# A door to the executor for guests that speak TCP: a listener on the loopback of a sandbox that has no other network. What comes in is
# told in frames, and what is heard goes out. Neither side sends more than the other has room for (a window for each connection and way),
# so that one that is not read stops nobody else.

WINDOW_BYTES = 1 << 16
CONNECTIONS_MAX, BACKLOG = 32, 64


class Connection:
    def __init__(self, number, socket):
        self.number, self.socket = number, socket
        self.credit, self.waiting = WINDOW_BYTES, bytearray()
        self.read_over = self.write_ending = self.write_over = False


class Forward:
    def __init__(self, session):
        self.session = session
        self.listeners, self.connections, self.by_number, self.last = {}, {}, {}, 0
        self.tasks = {b"L": self.open, b"D": self.send, b"E": self.end, b"K": self.close, b"W": self.grant}

    def open(self, number, payload):
        # Not every session needs it.
        import _socket
        socket = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        try:
            socket.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
            socket.bind(("127.0.0.1", words(payload, 1)[0]))
            socket.listen(BACKLOG)
        except BaseException:
            socket.close()
            raise
        socket.setblocking(False)
        self.listeners[socket.fileno()] = number, socket
        self.session.tell(b"a", number, b"%d" % socket.getsockname()[1])

    def register(self, poll):
        """Connections beyond the bound wait to be accepted."""
        if len(self.connections) < CONNECTIONS_MAX:
            for fd in self.listeners:
                poll.register(fd, select.POLLIN)
        for fd, connection in self.connections.items():
            wanted = select.POLLOUT if connection.waiting else 0
            if self.session.room and connection.credit > 0 and not connection.read_over:
                wanted |= select.POLLIN
            if wanted:
                poll.register(fd, wanted)

    def serve(self, ready):
        for fd in [fd for fd in self.connections if fd in ready]:
            connection = self.connections[fd]
            self.write(connection)
            if fd in self.connections and self.session.room:
                self.read(connection)
        for fd in [fd for fd in self.listeners if fd in ready]:
            self.accept(*self.listeners[fd])

    def accept(self, number, listener):
        import _socket
        try:
            fd, _ = listener._accept()
        except OSError:
            return
        socket = _socket.socket(fileno=fd)
        socket.setblocking(False)
        # A reply comes in small pieces, each of which somebody waits for.
        socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        self.last += 1
        self.connections[fd] = self.by_number[self.last] = Connection(self.last, socket)
        self.session.tell(b"C", self.last, number.to_bytes(4, "big"))

    def read(self, connection):
        if connection.read_over or connection.credit <= 0:
            return
        try:
            part = connection.socket.recv(min(PIECE_BYTES, connection.credit))
        except BlockingIOError:
            return
        except OSError:
            return self.drop(connection)
        connection.credit -= len(part)
        if part:
            return self.session.tell(b"D", connection.number, part)
        connection.read_over = True
        self.session.tell(b"E", connection.number)
        self.drop_if_over(connection)

    def write(self, connection):
        written = 0
        try:
            while connection.waiting:
                with memoryview(connection.waiting) as waiting:
                    size = connection.socket.send(waiting[:PIECE_BYTES])
                del connection.waiting[:size]
                written += size
            if connection.write_ending and not connection.write_over:
                connection.write_over = True
                connection.socket.shutdown(1)
        except BlockingIOError:
            pass
        except OSError:
            return self.drop(connection)
        if written:
            self.session.tell(b"W", connection.number, written.to_bytes(4, "big"))
        self.drop_if_over(connection)

    def drop_if_over(self, connection):
        if connection.read_over and connection.write_over:
            self.drop(connection)

    def drop(self, connection):
        if self.by_number.pop(connection.number, None):
            del self.connections[connection.socket.fileno()]
            connection.socket.close()
            self.session.tell(b"K", connection.number)

    # What is heard of a connection that is gone was said before that was known.

    def send(self, number, payload):
        connection = self.by_number.get(number)
        if connection:
            connection.waiting += payload
            self.write(connection)

    def end(self, number, _):
        connection = self.by_number.get(number)
        if connection:
            connection.write_ending = True
            self.write(connection)

    def close(self, number, _):
        connection = self.by_number.get(number)
        if connection:
            self.drop(connection)

    def grant(self, number, payload):
        connection = self.by_number.get(number)
        if connection:
            connection.credit += int.from_bytes(payload, "big")
