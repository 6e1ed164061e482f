"""How the app's programs dial its redis and its db: a connection kept, made anew when it is lost."""

import socket
import struct

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
GIVE_UP_S = 5.0


class Kept:
    """One connection. A request that fails is tried once more on a new one."""

    def __init__(self, host: str, port: int, hello: bytes = b"", hello_answer: int = 0) -> None:
        self.where, self.hello, self.hello_answer = (host, port), hello, hello_answer
        self.socket: socket.socket | None = None

    def ask(self, request: bytes) -> bytes:
        """One line of answer. Raises: OSError."""
        for attempt in (1, 2):
            try:
                return self._ask(request)
            except OSError:
                self.socket = None
                if attempt == 2:
                    raise
        raise AssertionError

    def _ask(self, request: bytes) -> bytes:
        if self.socket is None:
            self.socket = socket.create_connection(self.where, timeout=GIVE_UP_S)
            self.file = self.socket.makefile("rb")
            if self.hello:
                self.socket.sendall(self.hello)
                self.file.read(self.hello_answer)
        self.socket.sendall(request)
        line = self.file.readline()
        if not line:
            raise ConnectionError("closed")
        if line.startswith(b"$") and not line.startswith(b"$-"):
            return self.file.read(int(line[1:]) + 2)[:-2]
        return line.strip()


def redis(host: str) -> Kept:
    return Kept(host, 6379)


def db(host: str) -> Kept:
    return Kept(host, 5432, SSL_REQUEST, 1)
