"""Which Docker engine, and how to reach the same one again from any process."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from chaos.errors import Refused, Unavailable
from chaos.model.base import Noun
from chaos.platforms.compose import forward

if TYPE_CHECKING:
    import docker

# Set inside our own agent container: whatever engine a record names, from there it is the one next to it.
INSIDE_VARIABLE = "SALEPROOF_AGENT_SOCKET"

# Every call has a timeout: an engine that hangs must not hold a revert. A stop waits for its service besides.
CALL_WITHIN_S = 10.0
# Threads that revert or confirm at the same time, each with a connection of its own.
CONNECTIONS = 16


class Endpoint(Noun):
    """One engine, as plain data. `context` is the Docker context that it came from, for its TLS certificates;
    `cert_path` is DOCKER_CERT_PATH. Neither is a secret, and neither leaves this machine's files."""

    host: str  # unix:///var/run/docker.sock, ssh://ops@staging, tcp://10.0.0.5:2376
    context: str = ""
    cert_path: str = ""
    id: str = ""  # the engine's own: at the same address there may be another one some day. Empty: it does not say

    @property
    def is_local(self) -> bool:
        """Does it listen on a socket of this machine? Then what it publishes on loopback is ours to dial."""
        return self.host.startswith(("unix://", "npipe://"))

    @property
    def machine(self) -> str:
        """The host name of an engine that is elsewhere; empty for one that is here."""
        return "" if self.is_local else urlsplit(self.host).hostname or ""

    @property
    def is_ssh(self) -> bool:
        return self.host.startswith("ssh://")

    def dialled(self) -> str:
        """The same engine as this process gets to it: for ssh, the near end of its tunnel. Raises: Unavailable."""
        return forward.engine(self.host) if self.is_ssh else self.host

    def __str__(self) -> str:
        return f"{self.host} (context {self.context})" if self.context not in ("", "default") else self.host


def resolve(environment: Mapping[str, str] = os.environ) -> Endpoint:
    """As the Docker command resolves it: DOCKER_HOST, else DOCKER_CONTEXT or the current context, else the socket.

    Raises: Unavailable for a context that does not exist.
    """
    host = environment.get("DOCKER_HOST")
    if host:
        verify = environment.get("DOCKER_TLS_VERIFY")
        cert_path = environment.get("DOCKER_CERT_PATH") or (str(Path("~/.docker").expanduser()) if verify else "")
        return Endpoint(host=host, cert_path=cert_path)
    from docker.context import ContextAPI
    from docker.errors import DockerException

    name = environment.get("DOCKER_CONTEXT") or None
    try:
        context = ContextAPI.get_context(name) if name else ContextAPI.get_current_context()
    except DockerException as cause:
        raise Unavailable(f"the Docker context cannot be read: {cause}") from cause
    if context is None:
        raise Unavailable(f"there is no Docker context {name!r}; those that are there: docker context ls{_unseen()}")
    return Endpoint(host=_canonical(context.Host), context=context.Name)


def _id(info: dict[str, Any]) -> str:
    """What an engine calls itself; empty where it does not: Podman answers with another one each time."""
    is_docker = any("docker" in str(info.get(key, "")).lower() for key in ("DockerRootDir", "InitBinary"))
    return str(info.get("ID") or "") if is_docker else ""


def _unseen() -> str:
    """The SDK looks for contexts beside `config.json` only, which `docker context create` does not make."""
    from docker.utils.config import config_path_from_environment, home_dir

    path = config_path_from_environment() or str(Path(home_dir() or "~") / ".docker" / "config.json")
    return "" if Path(path).exists() else f" (contexts are only seen where {path} exists: echo '{{}}' > {path})"


def _canonical(host: str) -> str:
    """The SDK writes `http+unix:///var/run/docker.sock` in places; everybody else `unix://`."""
    return host.removeprefix("http+") if host else "unix:///var/run/docker.sock"


class Engine:
    """A connection to one engine. Thread-safe. Every error of the SDK comes out as Unavailable."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.client: docker.DockerClient = _client(endpoint)
        with contextlib.suppress(Unavailable):  # one that tells nobody about itself can be used all the same
            self.endpoint = msgspec.structs.replace(endpoint, id=_id(self.info()))

    @contextlib.contextmanager
    def calling(self, what: str) -> Iterator[docker.DockerClient]:
        """Around every use of the SDK. Raises: Unavailable, saying what was asked of which engine."""
        with errors(self.endpoint, what):
            if self.endpoint.is_ssh:
                self.endpoint.dialled()  # where its ssh has ended, another one takes its place
            yield self.client

    def ping(self) -> None:
        """Raises: Unavailable."""
        with self.calling("answer") as client:
            client.ping()

    def info(self) -> dict[str, Any]:
        with self.calling("tell about itself") as client:
            found: dict[str, Any] = client.info()
            return found


@contextlib.contextmanager
def errors(endpoint: Endpoint, what: str) -> Iterator[None]:
    """The errors of the SDK, and of what it stands on, as ours. Raises: Unavailable."""
    import requests
    from docker.errors import APIError, DockerException

    try:
        yield
    except APIError as cause:
        raise Unavailable(f"the Docker engine at {endpoint} did not {what}: {cause.explanation or cause}") from cause
    except requests.exceptions.Timeout as cause:
        raise Unavailable(f"the Docker engine at {endpoint} did not {what} within {CALL_WITHIN_S:g} s") from cause
    except (DockerException, requests.exceptions.RequestException, OSError) as cause:
        raise Unavailable(f"the Docker engine at {endpoint} cannot be reached: {_reason(cause)}") from cause


def _reason(cause: BaseException) -> str:
    """The innermost error, which says what happened in fewest words."""
    inner = cause
    while inner.__cause__ or inner.__context__:
        inner = inner.__cause__ or inner.__context__  # type: ignore[assignment]
    text = inner.strerror if isinstance(inner, OSError) and inner.strerror else str(inner)
    return text or type(inner).__name__


def _client(endpoint: Endpoint) -> docker.DockerClient:
    import docker

    options: dict[str, Any] = {"version": "auto", "timeout": CALL_WITHIN_S, "max_pool_size": CONNECTIONS}
    with errors(endpoint, "answer"):
        if endpoint.is_ssh:
            # The system's ssh knows the user's keys, agents, jump hosts and known hosts.
            return docker.DockerClient(base_url=endpoint.dialled(), **options)
        if endpoint.context not in ("", "default"):
            return _of_context(endpoint, options)
        if endpoint.cert_path:
            env = {"DOCKER_HOST": endpoint.host, "DOCKER_CERT_PATH": endpoint.cert_path, "DOCKER_TLS_VERIFY": "1"}
            return docker.DockerClient.from_env(environment=env, use_context=False, **options)
        return docker.DockerClient(base_url=endpoint.host, **options)


def _of_context(endpoint: Endpoint, options: dict[str, Any]) -> docker.DockerClient:
    """Raises: Refused when the context means another engine by now: a revert must not go astray."""
    import docker
    from docker.context import ContextAPI

    context = ContextAPI.get_context(endpoint.context)
    host = _canonical(context.Host) if context is not None else ""
    if host != endpoint.host:
        now = f"means {host} now" if host else "does not exist any more"
        raise Refused(f"the Docker context {endpoint.context!r} {now}, and this was recorded for {endpoint.host}")
    return docker.DockerClient.from_context(endpoint.context, **options)


_engines: dict[str, Engine] = {}
_lock = threading.Lock()


def connect(endpoint: Endpoint | None = None) -> Engine:
    """One engine a process and endpoint. Raises: Unavailable; Refused when another engine answers there than the one
    that a record is of: what it does not know of is not gone."""
    inside = os.environ.get(INSIDE_VARIABLE)
    if inside:
        endpoint = Endpoint(host=inside)
    endpoint = endpoint or resolve()
    with _lock:
        if str(endpoint) not in _engines:
            _engines[str(endpoint)] = Engine(endpoint)
        found = _engines[str(endpoint)]
    if endpoint.id and found.endpoint.id != endpoint.id:
        now = f"the engine {found.endpoint.id}" if found.endpoint.id else "one that does not say which it is"
        raise Refused(f"at {endpoint} there is {now} now, and this was recorded for the engine {endpoint.id}")
    return found


def may_answer(endpoint: Endpoint) -> bool:
    """Is it worth asking? A socket that is not there needs no SDK, which is slow to import. Touches nothing."""
    parts = urlsplit(endpoint.host)
    return parts.scheme != "unix" or Path(parts.path).exists()
