"""Services outside the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos import planner
from chaos.errors import PlanError, SpecError
from chaos.platforms.compose.slots import outside, slots
from chaos.spec import load_experiment
from chaos.spec.target import load_target

TEXT = """\
target: shop
services:
  web: {}
  payments: {external: "api.pay.example:443"}
links:
  web -> payments: {}
platforms: {compose: {project: shop}}
"""
EXPERIMENT = """\
title: x
target: shop
load: none
hypothesis: [web-up < 400]
method:
  - {{{fault}}}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "shop.yaml"
    path.write_text(text + "slis: {web-up: {http: web}}\n")
    return path


def test_it_has_a_link_and_no_container(tmp_path: Path) -> None:
    target = load_target(write(tmp_path, TEXT))
    assert target.services["payments"].external == "api.pay.example:443"
    assert [slot.name for slot in slots(target)] == ["web"]
    assert outside(target)["payments"].state == "running"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"api.pay.example:443"', "api.pay.example", "does not have the form"),
        ('"api.pay.example:443"', '"api.pay.example:70000"', "has no port from 1 to 65535"),
        ('"api.pay.example:443"', '"https://api.pay.example"', "does not have the form"),
        ('443"}', '443", count: 2}', "neither count nor slots"),
        ("web -> payments: {}", "payments -> web: {}", "what an external service dials"),
        ("project: shop", "project: shop, services: {payments: {port: 1}}", "has no container"),
        ("{compose:", "{embedded: {services: {web: {run: [x]}}}, compose:", "runs every service itself"),
    ],
)
def test_what_makes_no_sense_is_said(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = write(tmp_path, TEXT.replace(old, new))
    with pytest.raises(SpecError, match=says):
        load_target(path)


def plan(folder: Path, fault: str) -> object:
    target = load_target(write(folder, TEXT))
    path = folder / "x.yaml"
    path.write_text(EXPERIMENT.format(fault=fault))
    experiment, _ = load_experiment(path, target=target)
    inventory = planner.planned_inventory(target, "default", "compose")
    return planner.plan(experiment, target, inventory, variant="default", seed=1, allow_undecidable=True)


@pytest.mark.parametrize("fault", ["kill", "pause", "stop", "crash"])
def test_nothing_is_done_to_it_itself(tmp_path: Path, fault: str) -> None:
    with pytest.raises(PlanError, match="'payments' is outside the project"):
        plan(tmp_path, f"{fault}: {{service: payments, for: 10s}}")


def test_its_link_can_be_disturbed(tmp_path: Path) -> None:
    assert plan(tmp_path, "latency: {link: web -> payments, delay: 100ms, for: 10s}")
