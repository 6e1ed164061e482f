"""The platform as an ordinary user, in a folder that nobody else may enter."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos.model.base import to_json
from chaos.model.target import ProcessService, Ready

pytestmark = pytest.mark.integration

NOBODY = 65534

SCRIPT = textwrap.dedent(
    """
    import os, sys
    from chaos.model.base import from_json
    from chaos.model.target import Target
    from chaos.platforms import service_control
    from chaos.platforms.embedded.platform import EmbeddedPlatform
    target = from_json(sys.stdin.read(), Target)
    platform = EmbeddedPlatform.up(target, "default")
    try:
        control = service_control(platform.control())
        for name in ("one", "db"):
            assert control.instance(name).healthy, name
            assert os.stat(f"/proc/{control.instance(name).pid}").st_uid == os.geteuid()
            control.pause(name)
            control.unpause(name)
            control.kill(name)
            control.start(name)
            assert control.instance(name).healthy, name
    finally:
        platform.down()
    print("user", os.geteuid())
    """
)


@pytest.fixture
def home() -> Iterator[Path]:
    """A private folder of the user; pytest's own may be closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="saleproof-", dir="/tmp"))
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder)


def as_user(checkout: Path) -> list[str]:
    """As root: become `nobody`, who may read the checkout even where root keeps it closed."""
    if os.geteuid() != 0:
        return []
    command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    # The interpreter tells: it may be a link into a folder of root's. By way of a shell, because setpriv itself still
    # has root's rights when it starts what follows it.
    trial = [*command, "sh", "-c", 'exec "$0" -c "import chaos.errors"', sys.executable]
    if subprocess.run(trial, cwd=checkout, capture_output=True, check=False).returncode:
        command += ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    return [*command, "--"]


def test_an_ordinary_user_has_the_same(build: Any, home: Path, checkout: Path) -> None:
    """Up, pause, kill, start, down, with a real database, without any right that others have not."""
    database = ProcessService(
        run=("{python}", "-m", "targets.shop.postgres", "primary", "--port", "{port}", "--data", "{state}"),
        ready=Ready(tcp=False, postgres="/postgres?user=postgres"),
        stop_signal="INT",
    )
    services = {"one": build.service("--children", "1"), "db": database}
    target = build.target(services, path=str(checkout / "targets" / "shop.yaml"))
    done = subprocess.run(
        [*as_user(checkout), sys.executable, "-c", SCRIPT],
        input=to_json(target),
        env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(checkout)},
        cwd=home,
        capture_output=True,
        timeout=120,
        check=False,
    )
    expected = NOBODY if os.geteuid() == 0 else os.geteuid()
    assert done.stdout.decode().strip() == f"user {expected}", done.stderr.decode()
    folder = home / ".local/state/saleproof/embedded/corner-shop"
    assert sorted(path.name for path in folder.iterdir()) == ["lock", "logs"]
    assert folder.stat().st_mode & 0o777 == 0o700
    left = subprocess.run(["pgrep", "-f", str(home)], capture_output=True, text=True, check=False)
    assert not left.stdout
