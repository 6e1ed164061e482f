"""The small target as containers of a Compose project of its own, and what the tests look at there."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from decoys import decoys
from grounds import Seen, target
from offline_images import variables

from chaos.platforms.compose import agent, image, project
from chaos.platforms.compose.agent import Agent
from chaos.platforms.compose.engine import connect
from chaos.platforms.compose.platform import ComposePlatform
from chaos.proxy.client import ToxiproxyClient

SETTLED_WITHIN_S = 20.0

# What the kernel keeps of one container, in its own words: packet rules and queues in its network, the limits and the
# processes of its cgroup (version 1, or 2), and its small disk. $1 is its main process, $2 its id.
LOOK = r"""
found="$(mktemp)"
trap 'rm "$found"' EXIT
ask() { "$@" || { echo "failed with $?: $*" >&2; exit 9; }; }
{
  ask nsenter -t "$1" -n nft -s list ruleset
  ask nsenter -t "$1" -n tc qdisc show
  ask nsenter -t "$1" -n ip -br address
  ask cat "/proc/$1/oom_score_adj"
  test ! -e "/proc/$1/root/data" || ask ls -lA --time-style=+ "/proc/$1/root/data"
  for group in /sys/fs/cgroup/{{cpu,memory,blkio,pids,.}/docker/$2,system.slice/docker-$2.scope}; do
    for file in cpu.cfs_quota_us cpu.cfs_period_us memory.limit_in_bytes memory.memsw.limit_in_bytes pids.max cpu.max \
        memory.max memory.swap.max io.max blkio.throttle.{read,write}_bps_device; do
      test -e "$group/$file" || continue
      value="$(ask cat "$group/$file")" || exit
      echo "$file $value"
    done
    test -e "$group/cgroup.procs" || continue
    processes="$(ask cat "$group/cgroup.procs")" || exit
    for pid in $processes; do { tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null; echo; done |
      grep -vE '/dev/tcp|^runc |^ *$' | sort -u  # a health check comes and goes
  done
} >"$found"
cat "$found"
wc -l <"$found"
"""
# A dump that something changed meanwhile is refused by the kernel, and of an answer the engine may lose a part.
LOOKS = 5


class ComposeShop(ComposePlatform):
    """The compose platform, and what the tests look at."""

    project: str
    beside: dict[str, str]  # the decoys: name -> id

    def container(self, service: str) -> str:
        """The id of the container of a Compose service: also of `toxiproxy`, which is none of the target's."""
        (found,) = project.containers(self.engine, self.project, service)
        return found.id

    def snapshot(self) -> Seen:
        """Waits first until every health check has seen what is: a frozen container is unhealthy for a while after."""
        until_s = time.monotonic() + SETTLED_WITHIN_S
        while any(one.health not in ("", "healthy") for one in self._containers()):
            assert time.monotonic() < until_s, "something stays unhealthy"
            time.sleep(0.1)
        found = {one.service: one for one in self._containers()}
        raw = {name: project.raw(self.engine, one.id) or {} for name, one in found.items()}
        return Seen(
            proxies=ToxiproxyClient(self.proxy_api).proxies(),
            lasting={name: lasting(about) for name, about in raw.items()} | self.decoys(),
            own={name: (one.life, self._own(raw[name])) for name, one in found.items()},
        )

    def decoys(self) -> dict[str, Any]:
        """What `docker inspect` says of those that are none of the target."""
        return {name: project.raw(self.engine, one) for name, one in self.beside.items()}

    def _containers(self) -> list[project.Container]:
        found = project.containers(self.engine, self.project)
        return [one for one in found if one.id not in self.beside.values()]

    def _own(self, about: dict[str, Any]) -> Any:
        words = ["bash", "-c", LOOK, "look", str(about["State"]["Pid"]), about["Id"]]
        for _ in range(LOOKS):
            code, out, err = Agent(self.engine, self.project).run(words)
            *lines, count = out.splitlines() or [""]
            if code == 0 and count == str(len(lines)):
                return about["NetworkSettings"], about["RestartCount"], lines
        raise AssertionError(err or f"a part is lost: {out}")


def lasting(about: dict[str, Any]) -> Any:
    """What `docker inspect` says that no fault may change for good: limits, settings, and who it is in its networks."""
    networks = {
        name: {key: found[key] for key in ("Aliases", "IPAddress", "IPAMConfig", "Gateway", "NetworkID", "DriverOpts")}
        for name, found in about["NetworkSettings"]["Networks"].items()
    }
    state = {key: about["State"][key] for key in ("Status", "Paused", "Restarting")}
    return about["Id"], about["HostConfig"], about["Config"], about["Mounts"], networks, state


@contextlib.contextmanager
def running() -> Iterator[ComposeShop]:
    """Up under a name of its own, and down again whatever happens."""
    engine = connect()
    name = f"saleproof-conformance-{uuid.uuid4().hex[:6]}"
    with pytest.MonkeyPatch.context() as patch:
        for key, value in {**variables(), "TINY_IMAGE": image.ensure(engine)}.items():
            patch.setenv(key, value)
        try:
            shop = ComposeShop.up(target(name), "default")
            shop.project = name
            with decoys(engine, name) as shop.beside:
                agent.ensure(engine, name)
                yield shop
        finally:
            ComposeShop.clean(target(name))
