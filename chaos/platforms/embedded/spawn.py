"""Start one instance as a process in a session of its own."""

from __future__ import annotations

import resource
import subprocess

from chaos.errors import Unavailable
from chaos.platforms.embedded.identity import Process, identify
from chaos.platforms.embedded.layout import Folder
from chaos.platforms.embedded.ports import holder, is_free
from chaos.platforms.embedded.records import Spec
from chaos.state import open_private


class PortTaken(Unavailable):
    """A port of the instance is somebody else's now."""


def spawn(spec: Spec, folder: Folder) -> tuple[subprocess.Popen[bytes], Process]:
    """Run it, its output appended to its log. Raises: Unavailable: a busy port, or a program that cannot be run."""
    for port in (spec.port, *spec.ports.values()):
        if not is_free(port):
            raise PortTaken(f"{spec.name}: port 127.0.0.1:{port} is taken by {holder(port)}; end it, or take the "
                            "target down and up again for other ports")  # fmt: skip
    work = folder.work(spec.name)
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with open_private(folder.log(spec.name)) as log:
            child = subprocess.Popen(
                spec.run,
                env=spec.env,
                cwd=work,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                umask=0o077,
            )
    except OSError as cause:
        raise Unavailable(f"{spec.name}: cannot run {spec.run[0]}: {cause.strerror}") from cause
    process = identify(child.pid)
    if process is None:  # it ended within microseconds; as our child it keeps its pid until it is reaped
        child.wait()
        raise Unavailable(f"{spec.name}: ended at once with {how_ended(child.returncode)}")
    return child, process


def how_ended(code: int | None) -> str:
    """`exit 1`, `signal 9`, or that nobody knows: the status of a process goes to its parent alone."""
    if code is None:
        return "an unknown status"
    return f"signal {-code}" if code < 0 else f"exit {code}"


def raise_open_files_limit() -> None:
    """For this process and all that it starts: a slow shop holds a thousand requests, and twice that many sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
