"""The first target file: whatever was found, it is one that loads."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.model.survey import FoundLink, FoundOutside, FoundService, Survey
from chaos.spec.draft import draft, entry
from chaos.spec.target import load_target


def service(name: str, **more: object) -> FoundService:
    about: dict[str, object] = {"compose_service": name, "role": "service", "image": "x:1", "count": 1, "port": 0}
    return FoundService(name=name, **({"protocol": "tcp"} | about | more))  # type: ignore[arg-type]


WEB = service(
    "web", compose_service="Web.App", role="web", count=3, port=8000, protocol="http", published="127.0.0.1:8000",
    health="/healthz?", cannot=("no memory: it has no limit",),
)  # fmt: skip
FULL = Survey(
    project="7-shop", endpoint="unix:///x", services=(WEB, service("db", port=5432, protocol="postgres")),
    links=(
        FoundLink(source="web", dest="db", protocol="postgres", evidence=("2 connections", "the setting DB: yes")),
        FoundLink(source="web", dest="pay-example", protocol="tcp", evidence=("depends_on",)),
    ),
    outside=(FoundOutside(name="pay-example", host="pay.example", port=443),),
    remarks=("a long remark: " + "word " * 60,),
)  # fmt: skip


@pytest.mark.parametrize(
    "survey",
    [
        FULL,
        Survey(project="x", endpoint="unix:///x", services=(service("only"),), links=()),
        Survey(project="on", endpoint="unix:///x", services=(service("yes", role="no"),), links=()),
    ],
    ids=["full", "bare", "words of YAML"],
)
def test_it_loads(survey: Survey, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(draft(survey))
    target = load_target(path)
    assert target.platforms.compose is not None
    assert target.platforms.compose.project == survey.project
    assert set(target.services) == {one.name for one in (*survey.services, *survey.outside)}
    assert max(map(len, path.read_text().splitlines())) <= 140


def test_several_containers_are_one_service(tmp_path: Path) -> None:
    """They are found by Compose's own numbers, under Compose's own name."""
    path = tmp_path / "x.yaml"
    path.write_text(draft(FULL))
    target = load_target(path)
    assert target.services["web"].instances() == ("web-1", "web-2", "web-3")
    assert target.platforms.compose is not None
    assert target.platforms.compose.services["web"].service == "Web.App"


def test_customers_come_in_at_the_edge() -> None:
    web = service("web", role="web", port=80, protocol="http", published="127.0.0.1:1")
    edge = service("lb", role="edge", port=80, protocol="http", published="127.0.0.1:2")
    hidden = service("api", role="web", port=80, protocol="http")
    assert entry(Survey(project="x", endpoint="", services=(hidden, web, edge), links=())) == edge
    assert entry(Survey(project="x", endpoint="", services=(hidden,), links=())) is None
