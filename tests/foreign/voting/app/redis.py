"""So much of the Redis protocol as the voting app needs: PING, RPUSH and LPOP, one list a key, in memory."""

import collections
import socketserver

LISTS: dict[bytes, collections.deque[bytes]] = collections.defaultdict(collections.deque)


class Client(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while words := self.command():
            name = words[0].upper()
            if name == b"PING":
                self.wfile.write(b"+PONG\r\n")
            elif name == b"RPUSH":
                LISTS[words[1]].extend(words[2:])
                self.wfile.write(b":%d\r\n" % len(LISTS[words[1]]))
            elif name == b"LPOP":
                found = LISTS[words[1]].popleft() if LISTS[words[1]] else None
                self.wfile.write(b"$-1\r\n" if found is None else b"$%d\r\n%s\r\n" % (len(found), found))
            else:
                self.wfile.write(b"-ERR unknown command\r\n")

    def command(self) -> list[bytes]:
        """An array of bulk strings, or words on one line."""
        line = self.rfile.readline().strip()
        if not line.startswith(b"*"):
            return line.split()
        words = []
        for _ in range(int(line[1:])):
            size = int(self.rfile.readline()[1:])
            words.append(self.rfile.read(size + 2)[:-2])
        return words


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


Server(("", 6379), Client).serve_forever()
