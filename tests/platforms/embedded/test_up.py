"""Up and down."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from chaos.cli import main
from chaos.engine.lock import TargetLock
from chaos.errors import Refused, Unavailable
from chaos.model.platform import Killable, LinkShaper, Pausable
from chaos.platforms.embedded.layout import Folder, locked
from chaos.platforms.embedded.platform import EmbeddedPlatform
from chaos.state import state_dir
from chaos.units import Duration

pytestmark = pytest.mark.integration


def pair(build: Any, **changes: Any) -> Any:
    """A front that dials a back."""
    services = {"back": build.service(), "front": build.service("{link:back}", after=("back",))}
    return build.target(services, links=(("front", "back"),), slots={"front": (2, 3)}, **changes)


def test_a_target_comes_up_and_goes_down(build: Any, up: Any, ask: Any, state: Path) -> None:
    """Services run and are ready, a link leads through its proxy, and nothing but the logs is left."""
    told: list[tuple[str, str]] = []
    target = pair(build, sql={"db": "postgresql://{direct:back}/x"})
    platform = up(target, progress=lambda name, what: told.append((name, what)))
    inventory = platform.inventory()
    states = {name: (one.state, one.healthy) for name, one in inventory.instances.items()}
    running = ("running", True)
    assert states == {"back": running, "front-1": running, "front-2": running, "front-3": ("spare", False)}
    assert inventory.sql == {"db": f"postgresql://{inventory.instances['back'].address}/x"}
    assert inventory.capabilities >= {"LinkShaper", "Killable", "Pausable"}
    assert all(isinstance(platform, capability) for capability in (LinkShaper, Killable, Pausable))

    about = ask(platform.proxy("front-2 -> back").listen)
    assert about["pid"] == inventory.instances["back"].pid
    assert about["cwd"] == str(state / "embedded/corner-shop/data/back")
    assert ask(platform.entry_address("front"))["argv"][-1] == platform.proxy("front-1 -> back").listen
    assert any(name == "front-1" and "ready after" in what for name, what in told)
    assert platform.logs("back")[0].startswith("hello from pid")

    platform.down()
    assert sorted(path.name for path in (state / "embedded/corner-shop").iterdir()) == ["lock", "logs"]
    assert Folder.of("corner-shop").log("back").read_text().startswith("hello from pid")
    assert EmbeddedPlatform.attach(target) is None
    platform.down()


def test_the_order_is_kept(build: Any, up: Any) -> None:
    """A service starts once those that it comes after are ready."""
    said = " ".join(up(pair(build)).logs("supervisor", 100))
    assert 0 < said.index("INFO back ready after") < said.index("INFO front-1 started")


def test_up_again_is_the_same(build: Any, up: Any, state: Path) -> None:
    """The second `up` of a variant finds it and starts nothing; so does `attach`."""
    target = pair(build)
    first = up(target)
    second = up(target)
    attached = EmbeddedPlatform.attach(target)
    assert attached is not None
    assert first.started
    assert not second.started
    pids = {one.instance("back").pid for one in (first, second, attached)}
    assert len(pids) == 1


def test_another_variant_is_refused(build: Any, up: Any) -> None:
    """One variant at a time, and the way out is said."""
    target = pair(build, variants=("default", "fragile"))
    up(target)
    with pytest.raises(Refused, match=r"up as its variant 'default', not 'fragile'; `saleproof down`"):
        up(target, "fragile")


def test_two_ups_at_once(build: Any, up: Any, state: Path) -> None:
    """The second is refused, with the pid of the first."""
    target = pair(build)
    with locked(Folder.of(target.name), target.name):
        with pytest.raises(Refused, match=f"by pid {os.getpid()}"):
            up(target)
        with pytest.raises(Refused):
            EmbeddedPlatform.clean(target)


def test_a_new_start_is_fresh(build: Any, up: Any, state: Path) -> None:
    """The data and the logs of the last time are gone; a platform of then does not touch the one of now."""
    target = pair(build)
    old = up(target)
    (state / "embedded/corner-shop/data/back/dirt").write_text("x")
    old.down()
    new = up(target)
    assert not (state / "embedded/corner-shop/data/back/dirt").exists()
    assert len(new.logs("back")) == 1
    old.down()
    assert new.instance("back").healthy


def test_a_service_that_never_gets_ready(build: Any, up: Any, state: Path) -> None:
    """Its name, the reason and its last words; nothing is left running."""
    target = build.target({"ok": build.service(), "slow": build.service("--mute", start_within=Duration(1))})
    with pytest.raises(
        Unavailable, match=r"slow does not start: not ready after 1 s(.|\n)*a database that never comes"
    ):
        up(target)
    assert EmbeddedPlatform.attach(target) is None


def test_a_service_that_dies_at_once(build: Any, up: Any, tmp_path: Path) -> None:
    """It is tried a few times, and not for the whole time that it was given."""
    (tmp_path / "obstacle").touch()
    target = build.target({"ill": build.service("--dies-while", str(tmp_path / "obstacle"))})
    with pytest.raises(
        Unavailable, match=r"ill does not start: ended with exit 4; 3 quick deaths(.|\n)*I cannot go on"
    ):
        up(target)


def test_a_program_that_does_not_exist(build: Any, up: Any) -> None:
    """The message names it."""
    target = build.target({"ill": build.service(run=("/no/such/program",))})
    with pytest.raises(Unavailable, match="cannot run /no/such/program: No such file"):
        up(target)


def test_interrupted(build: Any, up: Any, state: Path) -> None:
    """Whatever comes out of `progress` ends the start, and what was started goes."""

    def interrupt(name: str, what: str) -> None:
        if name == "back" and what.startswith("ready"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        up(pair(build), progress=interrupt)
    assert sorted(path.name for path in (state / "embedded/corner-shop").iterdir()) == ["lock", "logs"]


SCRIPT = textwrap.dedent(
    """
    import sys
    from chaos.model.base import from_json
    from chaos.model.target import Target
    from chaos.platforms.embedded.platform import EmbeddedPlatform
    target = from_json(sys.stdin.read(), Target)
    EmbeddedPlatform.up(target, "default", progress=lambda *said: print(*said, flush=True))
    """
)


def start_up(target: Any, checkout: Path) -> subprocess.Popen[str]:
    from chaos.model.base import to_json

    child = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(checkout)},
    )
    assert child.stdin is not None
    child.stdin.write(to_json(target).decode())
    child.stdin.close()
    return child


def wait_for(child: subprocess.Popen[str], word: str) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        if word in line:
            return
    pytest.fail(f"'{word}' was never said")


def test_ctrl_c_takes_down_what_was_started(build: Any, up: Any, state: Path, checkout: Path) -> None:
    """A real SIGINT into a real start; the fixture checks that nothing is left."""
    target = build.target({"ok": build.service(), "slow": build.service("--mute", start_within=Duration(60))})
    child = start_up(target, checkout)
    wait_for(child, "ok ready")
    child.send_signal(signal.SIGINT)
    assert child.wait(30) != 0
    assert not (state / "embedded/corner-shop/target.json").exists()


def test_a_killed_up_is_finished_by_the_next(build: Any, up: Any, state: Path, checkout: Path) -> None:
    """kill -9 of the starter: the supervisor goes on, and the next `up` finds the target."""
    target = pair(build)
    child = start_up(target, checkout)
    wait_for(child, "back")
    child.kill()
    child.wait()
    platform = up(target)
    assert not platform.started
    assert platform.instance("front-2").healthy


def test_a_path_longer_than_a_socket_address(
    build: Any, up: Any, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A unix socket's address has at most 107 bytes; the state folder may be as deep as it likes."""
    deep = state / ("d" * 60) / ("e" * 60)
    monkeypatch.setenv("SALEPROOF_STATE", str(deep))
    platform = up(build.target({"one": build.service()}))
    assert len(str(deep)) > 120
    assert platform.instance("one").healthy
    platform.down()


def test_after_a_reboot_nothing_is_up(build: Any, up: Any, state: Path, supervisor_pid: Any) -> None:
    """What a former boot wrote down is not taken for something that runs, and `up` starts afresh."""
    target = build.target({"one": build.service()})
    up(target).down()
    folder = state / "embedded/corner-shop"
    up(target)
    written = json.loads((folder / "target.json").read_text())
    (folder / "target.json").write_text(json.dumps({**written, "boot_id": "another"}))
    assert EmbeddedPlatform.attach(target) is None
    platform = up(target)
    assert platform.started
    assert platform.instance("one").healthy


def test_down_of_a_broken_state(build: Any, up: Any, state: Path) -> None:
    """Files that make no sense do not keep a process alive: the environment says whose it is."""
    target = pair(build)
    platform = up(target)
    pid = platform.instance("back").pid
    (state / "embedded/corner-shop/target.json").write_text("{")
    EmbeddedPlatform.clean(target)
    assert not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text()


def test_the_log_is_followed(build: Any, up: Any) -> None:
    """Lines as they come, until the target goes down."""
    platform = up(build.target({"one": build.service()}))
    lines = platform.follow("one")
    assert next(lines).startswith("hello from pid")
    from chaos.platforms import service_control

    service_control(platform.control()).restart("one")
    assert next(lines).startswith("hello from pid")
    platform.down()
    assert list(lines) == []


def test_names_that_do_not_exist(build: Any, up: Any) -> None:
    """KeyError, with the nearest name."""
    platform = up(pair(build))
    with pytest.raises(KeyError, match="Did you mean 'front-1 -> back'"):
        platform.proxy("front-1 -> bak")
    with pytest.raises(KeyError, match="front-9"):
        platform.instance("front-9")
    with pytest.raises(KeyError, match="Did you mean 'back'"):
        platform.logs("bak")
    with pytest.raises(KeyError, match="Did you mean 'front'"):
        platform.entry_address("frnt")


def test_a_target_without_links_has_no_fault_proxy(build: Any, up: Any) -> None:
    """What nobody needs is not started."""
    platform = up(build.target({"one": build.service()}))
    inventory = platform.inventory()
    assert inventory.proxy_api == ""
    assert "LinkShaper" not in inventory.capabilities
    assert [status.instance.name for status in platform.statuses()] == ["one"]


def test_another_system_is_told_plainly(build: Any, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux only, and the message says why."""
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(Unavailable, match=r"needs Linux .*darwin"):
        EmbeddedPlatform.up(build.target({"one": build.service()}), "default")


def test_status_of_a_target_that_is_not_up_says_what_is(
    build: Any, up: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the words that show it; and nothing once it is down."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///there/is/none")
    monkeypatch.chdir(Path(__file__).parents[3])
    there = build.target({"one": build.service()}, path=str(tmp_path / "corner.yaml"))
    platform = up(there)
    assert main(["status"]) == 69
    assert f"corner-shop is up (default): saleproof status --target {tmp_path}/corner.yaml" in capsys.readouterr().out
    with TargetLock(state_dir() / "locks", there.name, "run 20261121-1133"):
        assert main(["status", "--json"]) == 69
    assert json.loads(capsys.readouterr().out)["others"] == [
        {
            "target": "corner-shop", "variant": "default", "file": str(tmp_path / "corner.yaml"),
            "run": "20261121-1133",
        },
    ]  # fmt: skip
    platform.down()
    assert main(["status", "--json"]) == 69
    assert json.loads(capsys.readouterr().out)["others"] == []
