"""`disk-full`."""

from __future__ import annotations

import uuid

import pytest
from docker_project import Project, Spec, running
from dockerfixtures import snapshot

from chaos import faults
from chaos.errors import RevertFailed, Unavailable
from chaos.faults.disk_full import DiskFull
from chaos.model.base import to_plain
from chaos.model.fault import Undo
from chaos.platforms.compose.engine import connect
from chaos.platforms.compose.project import PROJECT_LABEL
from chaos.units import Bytes

WRITE = "open('/data/own', 'wb').write(b'x' * 100_000)"


@pytest.mark.parametrize("path", ["data", "", "/da\0ta"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    """It must be whole."""
    with pytest.raises(ValueError, match="it must be a folder inside the container, such as /data"):
        DiskFull(path=path)


@pytest.mark.docker
@pytest.mark.integration
def test_the_service_itself_finds_no_space(containers: Project) -> None:
    """And finds it again after the revert."""
    platform = containers.platform()
    name = containers.container_name("db")
    fault = DiskFull(path="/data")
    undo = fault.prepare("db", platform)
    try:
        fault.inject(undo, platform)
        code, said = containers.exec(name, ["python3", "-c", WRITE])
        assert code == 1
        assert "No space left on device" in said
    finally:
        faults.revert(undo)
        containers.exec(name, ["rm", "-f", "/data/own"])
    assert containers.exec(name, ["python3", "-c", WRITE])[0] == 0
    containers.exec(name, ["rm", "-f", "/data/own"])


@pytest.mark.docker
@pytest.mark.integration
def test_as_much_as_was_asked_for_is_left(containers: Project) -> None:
    """A megabyte: a small write succeeds, a larger one does not."""
    platform = containers.platform()
    fault = DiskFull(path="/data", leave=Bytes(1e6))
    undo = fault.prepare("db", platform)
    try:
        fault.inject(undo, platform)
        evidence = fault.confirm(undo, platform)
        assert evidence.confirmed, evidence.text
        assert containers.exec(containers.container_name("db"), ["python3", "-c", WRITE])[0] == 0
    finally:
        faults.revert(undo)
        containers.exec(containers.container_name("db"), ["rm", "-f", "/data/own"])


@pytest.mark.docker
@pytest.mark.integration
def test_the_engines_disk_is_never_filled(containers: Project) -> None:
    """The container's own layer is on it, and so is everything that was mounted from there; a link in the container
    that points elsewhere leads nowhere else."""
    platform = containers.platform()
    db = containers.container_name("db")
    for path in ("/", "/tmp", "/etc"):
        with pytest.raises(Unavailable, match=f"the file system of {path} is not filled: it is the"):
            DiskFull(path=path).prepare("db", platform)
    assert containers.exec(db, ["ln", "-sfn", "/data", "/tmp/there"])[0] == 0
    assert containers.exec(db, ["ln", "-sfn", "../../../../../../../../data", "/tmp/out"])[0] == 0
    before = snapshot(containers, "db")
    try:
        for path in ("/tmp/there", "/tmp/out"):
            undo = DiskFull(path=path).prepare("db", platform)
            assert undo.data["facts"]["before"]["point"] == "/data"
        assert snapshot(containers, "db") == before
    finally:
        containers.exec(db, ["rm", "-f", "/tmp/there", "/tmp/out"])


@pytest.mark.docker
@pytest.mark.integration
def test_volumes_of_the_engines_and_shared_ones_are_refused() -> None:
    """A plain volume lies on the engine's disk; one with a size of its own is another's too when two containers have
    it; and one that is in memory and may take all of that is nobody's to fill."""
    found = connect()
    name = f"sptest-{uuid.uuid4().hex[:8]}"
    labels = {PROJECT_LABEL: name}
    options = {"type": "tmpfs", "device": "tmpfs"}
    small = options | {"o": "size=4m"}
    for volume, given in ((f"{name}-own", small), (f"{name}-both", small), (f"{name}-plain", {})):
        found.client.volumes.create(volume, driver="local", driver_opts=given, labels=labels)
    volumes = (f"{name}-own:/own", f"{name}-both:/both", f"{name}-plain:/plain")
    try:
        specs = {
            "a": Spec(volumes=volumes, tmpfs={"/huge": ""}),
            "b": Spec(volumes=(f"{name}-both:/both",)),
        }
        with running(specs) as project:
            platform = project.platform()
            refused = {
                "/plain": "it is on the machine's own",
                "/both": "it is shared with others",
                "/huge": "more than a quarter of what the machine has left; give it a size",
            }
            for path, says in refused.items():
                with pytest.raises(Unavailable, match=says):
                    DiskFull(path=path).prepare("a", platform)
            fault = DiskFull(path="/own")
            undo = fault.prepare("a", platform)
            try:
                fault.inject(undo, platform)
                assert fault.confirm(undo, platform).confirmed
                # As if it were on a disk: the file is there in the next life too, and only then taken away.
                kept = undo.data["facts"]["before"] | {"keeps": True}
                kept_undo = Undo(
                    kind=undo.kind, where=undo.where, data=undo.data | {"facts": undo.data["facts"] | {"before": kept}}
                )
                assert to_plain(kept_undo) != to_plain(undo)
                found.client.api.stop(project.container_name("a"), timeout=1)
                with pytest.raises(Unavailable, match="a does not run, so its volume cannot be looked at"):
                    faults.is_present(kept_undo)
                with pytest.raises(RevertFailed, match=r"may still hold our file \.saleproof_"):
                    faults.revert(kept_undo)
                found.client.api.start(project.container_name("a"))
                project.wait_ready(project.container_name("a"))
                faults.revert(kept_undo)
                assert not faults.is_present(kept_undo)
            finally:
                faults.revert(undo)
    finally:
        for volume in found.client.volumes.list(filters={"label": [f"{PROJECT_LABEL}={name}"]}):
            volume.remove()
