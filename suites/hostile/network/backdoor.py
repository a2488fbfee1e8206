# Waits for orders: listens on every interface, on ports of known services and of known tools.
import select
import socket

from kit import attempt, finish, step

listeners = []
for port in (21, 23, 80, 4444, 31337):

    def listen():
        door = socket.socket()
        door.bind(("0.0.0.0", port))
        door.listen()
        listeners.append(door)

    step(f"listen on {port}", listen)
ready, _, _ = select.select(listeners, [], [], 0.3) if listeners else ([], [], [])
for door in ready:
    attempt("somebody came", door.accept)
finish()
