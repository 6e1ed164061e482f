"""The sidecar of one caller: our container in the network of another one, which has the fault proxy of its links.

It is not of the target's project, and the caller is not changed by it in any way. Its main process is
`chaos.agent.sidecar`.
"""

from __future__ import annotations

import json
import time
from typing import Any

import msgspec

from chaos.errors import Unavailable
from chaos.model.base import Noun, from_json
from chaos.platforms.compose import image, project
from chaos.platforms.compose.engine import Engine
from chaos.platforms.compose.execute import ASK_AGAIN, ask, finish
from chaos.platforms.compose.project import Container

ATTACHED_LABEL = "saleproof.attached"  # its value: the project that it serves
CALLER_LABEL = "saleproof.caller"  # the caller's container
LIFE_LABEL = "saleproof.caller-life"  # which life of it: a new one has a new network
UID_LABEL = "saleproof.uid"
# NET_ADMIN for the redirect in the caller's network, the others to run the proxy as a user of its own.
CAPABILITIES = ("NET_ADMIN", "SETUID", "SETGID", "KILL")
STATE = "/run/saleproof/state.json"
READY_WITHIN_S = 15.0
END_WITHIN_S = 5
LOOK_EVERY_S = 0.25
GONE_WITHIN_S = 10.0
OUTPUT_WITHIN_S = 30.0  # more than any command there may take


class Sidecar(Noun):
    """One that there is, as its labels say it."""

    id: str
    name: str
    caller: str
    caller_life: str
    uid: int


class AttachedLink(Noun):
    """One link of a sidecar, as it is now."""

    host: str
    port: int
    outside: bool
    listen: int  # the proxy's port, on loopback
    addresses: tuple[str, ...]  # those that are redirected
    ipv6: bool  # it has IPv6 addresses too, which are not


class State(Noun):
    """What a sidecar does now. `error`: why its links are not redirected at the moment."""

    uid: int
    api_port: int
    error: str
    links: dict[str, AttachedLink]


def sidecars(engine: Engine, of_project: str) -> tuple[Sidecar, ...]:
    """Those of a project, running or not. Raises: Unavailable."""
    with engine.calling("list containers") as client:
        label = f"{ATTACHED_LABEL}={of_project}" if of_project else ATTACHED_LABEL
        found = client.api.containers(all=True, filters={"label": [label]})
    return tuple(
        Sidecar(
            id=one["Id"],
            name=one["Names"][0].lstrip("/") if one.get("Names") else one["Id"][:12],
            caller=one["Labels"].get(CALLER_LABEL, ""),
            caller_life=one["Labels"].get(LIFE_LABEL, ""),
            uid=int(one["Labels"].get(UID_LABEL, 0)),
        )
        for one in found
    )


def start(engine: Engine, caller: Container, uid: int) -> Sidecar:
    """A new one, once its proxy answers and the caller's network has the table. Raises: Unavailable."""
    tag = image.ensure(engine)
    name = f"saleproof-attached-{caller.name}"
    labels = {
        ATTACHED_LABEL: caller.project, CALLER_LABEL: caller.id, LIFE_LABEL: caller.life, UID_LABEL: str(uid),
    }  # fmt: skip
    with engine.calling(f"start a sidecar for {caller.name}") as client:
        made = client.api.create_container(
            tag,
            name=name,
            labels=labels,
            command=["python3", "-m", "chaos.agent", "sidecar", json.dumps({"uid": uid})],
            host_config=client.api.create_host_config(
                network_mode=f"container:{caller.id}", cap_drop=["ALL"], cap_add=list(CAPABILITIES),
                auto_remove=True,
            ),
        )  # fmt: skip
    found = Sidecar(id=made["Id"], name=name, caller=caller.id, caller_life=caller.life, uid=uid)
    try:
        with engine.calling(f"start a sidecar for {caller.name}") as client:
            client.api.start(found.id)
        _await(engine, found)
    except BaseException:
        remove(engine, found)
        raise
    return found


def _await(engine: Engine, sidecar: Sidecar) -> None:
    until_s = time.monotonic() + READY_WITHIN_S
    while (now := state(engine, sidecar)) is None:
        found = project.inspect(engine, sidecar.id)
        if found is None or not found.pid or time.monotonic() > until_s:
            raise Unavailable(f"the sidecar {sidecar.name} does not get ready; look at: docker logs {sidecar.name}")
        time.sleep(LOOK_EVERY_S)
    if now.error:
        raise Unavailable(now.error)


def remove(engine: Engine, sidecar: Sidecar) -> None:
    """Asked to end first, so that it takes its redirect away itself. Idempotent. Raises: Unavailable."""
    from docker.errors import APIError, NotFound

    with engine.calling(f"remove the sidecar {sidecar.name}") as client:
        try:
            client.api.stop(sidecar.id, timeout=END_WITHIN_S)
            client.api.remove_container(sidecar.id, force=True, v=True)
        except NotFound:
            return
        except APIError as cause:
            if cause.status_code != 409:  # the engine is removing it already
                raise
    until_s = time.monotonic() + GONE_WITHIN_S
    while project.inspect(engine, sidecar.id) is not None:
        if time.monotonic() > until_s:
            raise Unavailable(f"the sidecar {sidecar.name} does not go away; by hand: docker rm -f {sidecar.name}")
        time.sleep(LOOK_EVERY_S)


def state(engine: Engine, sidecar: Sidecar) -> State | None:
    """What it does now; None when it does not run, or not yet. Raises: Unavailable."""
    for _ in range(ASK_AGAIN):  # the engine may lose an answer
        code, out, err = execute(engine, sidecar.id, ["cat", STATE])
        if code or out:
            break
    if code:
        return None
    try:
        return from_json(out, State)
    except msgspec.MsgspecError as cause:
        raise Unavailable(f"the sidecar {sidecar.name} does not say what it does: {err or cause}") from cause


def call(engine: Engine, sidecar: Sidecar, verb: str, *, within_s: float = 20.0, **arguments: Any) -> Any:
    """A verb of `chaos.agent`, in the sidecar. Raises: Unavailable."""
    answer = ask(
        lambda words: execute(engine, sidecar.id, words), f"the sidecar {sidecar.name}", verb, arguments, within_s
    )
    if "error" in answer:
        raise Unavailable(str(answer["error"]))
    return answer["result"]


def execute(engine: Engine, container: str, words: list[str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr; 1 when the container does not run. Raises: Unavailable, also when its command does
    not end once its output has."""
    from docker.errors import APIError

    with engine.calling("run something in a sidecar") as client:
        try:
            made = client.api.exec_create(container, words)
            return finish(engine, container, made["Id"], OUTPUT_WITHIN_S)
        except APIError as cause:
            if cause.status_code in (404, 409):
                return 1, "", "it does not run"
            raise
