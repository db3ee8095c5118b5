# SPDX-License-Identifier: Apache-2.0
"""Passes connections on as they are: as `ssh -L` does to a UNIX socket, and as a proxy that serves a daemon below a path."""
import contextlib
import socket
import threading


class Relay:
    """`target`: a UNIX socket's path, or host and port. `prefix`: taken off the path of each request; other paths are closed upon."""

    def __init__(self, target, prefix):
        self.target, self.prefix = target, prefix.encode()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open = set()

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()
        for one in list(self.open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(near,), daemon=True).start()

    def serve(self, near):
        far = socket.socket(socket.AF_UNIX) if isinstance(self.target, str) else socket.socket()
        self.open |= {near, far}
        with contextlib.suppress(OSError), near, far:
            far.connect(self.target)
            first = self.first_request(near)
            if first is None:
                return
            far.sendall(first)
            back = threading.Thread(target=self.copy, args=(far, near), daemon=True)
            back.start()
            self.copy(near, far)
            back.join()
        self.open -= {near, far}

    def first_request(self, near):
        """The head of the only request of a connection, without the prefix; below a path each connection has one."""
        if not self.prefix:
            return near.recv(1 << 16)
        head = b""
        while b"\r\n\r\n" not in head:
            got = near.recv(1 << 16)
            if not got:
                return None
            head += got
        method, path, rest = head.split(b" ", 2)
        if not path.startswith(self.prefix + b"/"):
            return None
        line, rest = rest.split(b"\r\n", 1)
        return b" ".join((method, path[len(self.prefix):], line)) + b"\r\nConnection: close\r\n" + rest.replace(b"\r\nConnection: keep-alive", b"")

    @staticmethod
    def copy(source, sink):
        with contextlib.suppress(OSError):
            while True:
                got = source.recv(1 << 16)
                if not got:
                    break
                sink.sendall(got)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
