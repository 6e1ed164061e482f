"""Bringing a project up, when that does not work."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.errors import SaleproofError
from chaos.model.target import Compose, ComposeService, Platforms, Service, Target
from chaos.platforms.compose.platform import ComposePlatform

pytestmark = [pytest.mark.integration, pytest.mark.docker]


def target(folder: Path, text: str | None) -> Target:
    if text is not None:
        (folder / "compose.yaml").write_text(text)
    part = Compose(project="sptest-never-up", files=("compose.yaml",), services={"web": ComposeService(service="web")})
    return Target(
        name="mine", services={"web": Service(name="web")}, platforms=Platforms(compose=part),
        path=str(folder / "mine.yaml"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [(None, "there is no file"), ("services: {web: {image: [broken", "cannot bring up 'sptest-never-up'")],
)
def test_what_it_failed_of_is_said(text: str | None, says: str, tmp_path: Path) -> None:
    """And not that nothing could be taken down again, of a project of which there is nothing."""
    with pytest.raises(SaleproofError, match=says) as caught:
        ComposePlatform.up(target(tmp_path, text), "")
    assert "down" not in str(caught.value)
