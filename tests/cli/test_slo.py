"""`saleproof slo`, as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from chaos.cli import main
from tests.slo.promtool import promtool

ROOT = Path(__file__).parents[2]
SHOP = str(ROOT / "targets" / "shop.yaml")


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALEPROOF_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("SALEPROOF_STORE", raising=False)


def test_status_of_a_shop_that_was_never_rehearsed(capsys: pytest.CaptureFixture[str]) -> None:
    """Every objective is there, all of every budget is left, and nobody is asked who was not named."""
    assert main(["slo", "status", "--target", SHOP]) == 0
    said = capsys.readouterr().out
    assert "sale-available" in said
    assert "no run yet" in said
    assert "real budgets" not in said
    assert main(["slo", "status", "--target", SHOP, "--json"]) == 0
    budgets = json.loads(capsys.readouterr().out)["budgets"]
    assert {budget["left"] for budget in budgets} == {1.0}


def test_rules_say_what_gets_none(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """YAML without anchors on stdout, reasons on stderr; usage is 64."""
    assert main(["slo", "rules", "--target", SHOP]) == 0
    said = capsys.readouterr()
    assert [group["name"] for group in yaml.safe_load(said.out)["groups"]] == ["saleproof-shop-web-fast"]
    assert "&id" not in said.out
    assert "no rules for sale-fast: 'pages.p99 < 2s' is measured on our own customers" in said.err
    assert main(["slo", "rules", "--target", SHOP, "--scrape", "15"]) == 64
    assert main(["slo", "rules", "--target", SHOP, "-o", str(tmp_path / "none" / "x.yaml")]) == 64


GAUGES = """\
target: shop
services: {web: {}}
slis:
  queue: {promql: {gauge: "QUERY"}}
  answered: {promql: {good: 'answers{code="200"}', total: answers}}
  stock: {http: web, path: /stock, json: left}
slos:
  - {name: queue, objective: "queue < 100", target: 99%, window: 30d}
  - {name: answered, objective: "answered >= 99%", window: 30d}
  - {name: stock, objective: "stock >= 1", window: 30d}
platforms:
  embedded: {services: {web: {run: ["true"]}}}
"""


def test_rules_of_gauges_are_checked_by_promtool_where_it_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gauge's query is the user's own: one that Prometheus would not take is told, and no file is written with which
    Prometheus would not start."""
    target, rules = tmp_path / "shop.yaml", tmp_path / "rules.yaml"
    monkeypatch.setenv("PATH", str(Path(promtool()).parent), prepend=":")
    target.write_text(GAUGES.replace("QUERY", "max(queue_length)"))
    assert main(["slo", "rules", str(target), "-o", str(rules)]) == 0
    said = capsys.readouterr().err
    assert "promtool takes the rules" in said
    assert "no rules for stock: 'stock >= 1' is a reading from http, and no Prometheus has it" in said
    groups = yaml.safe_load(rules.read_text())["groups"]
    assert [group["name"] for group in groups] == ["saleproof-shop-queue", "saleproof-shop-answered"]
    assert groups[0]["rules"][0]["expr"] == "vector(0.99)"
    rules.unlink()
    for wrong in ("max(queue_length", "vector(scalar(queue_length)) and 1"):
        target.write_text(GAUGES.replace("QUERY", wrong))
        assert main(["slo", "rules", str(target), "-o", str(rules)]) == 65
        said = capsys.readouterr().err
        assert "shop.yaml: promtool does not take the rules, so they are not written" in said
        assert "parse" in said
        assert not rules.exists()


def test_openslo_out_and_in(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A file for each object; read again, they are what a target file has."""
    assert main(["slo", "export", "--target", SHOP, "-o", str(tmp_path / "out")]) == 0
    assert "not exported: SLA sale: OpenSLO has no agreements" in capsys.readouterr().err
    files = sorted(map(str, (tmp_path / "out").iterdir()))
    assert len(files) == 13
    assert main(["slo", "import", *files]) == 0
    section = yaml.safe_load(capsys.readouterr().out)
    assert section["slis"]["stock-left"] == {"sql": "db", "query": "SELECT sum(stock) FROM products"}
    assert {slo["objective"] for slo in section["slos"]} >= {"pages.p99 < 2s", "availability >= 99.99%"}


def test_a_file_that_is_not_openslo_is_65(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Also one of ours, and one in which there is nothing to take over."""
    assert main(["slo", "import", SHOP]) == 65
    assert "shop.yaml:4: apiVersion: no apiVersion; openslo/v1 is read" in capsys.readouterr().err
    empty = tmp_path / "service.yaml"
    empty.write_text("apiVersion: openslo/v1\nkind: Service\nmetadata: {name: x}\nspec: {}\n")
    assert main(["slo", "import", str(empty)]) == 65
    assert "nothing in it can be taken over" in capsys.readouterr().err


def test_a_misspelt_action_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    """As for commands."""
    assert main(["slo", "stauts"]) == 64
    assert "Did you mean 'status'?" in capsys.readouterr().err
    assert main(["slo"]) == 64


@pytest.mark.parametrize("action", ["status", "export", "rules"])
def test_the_target_file_with_or_without_its_option(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The same result; both at once is usage."""
    assert main(["slo", action, "--target", SHOP, "--json"]) == 0
    named = json.loads(capsys.readouterr().out)
    assert main(["slo", action, SHOP, "--json"]) == 0
    assert json.loads(capsys.readouterr().out).keys() == named.keys()
    assert main(["slo", action, SHOP, "--target", SHOP]) == 64
    assert "say the target file once" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["slo", "export", "--targt", "x"], "unknown argument '--targt'. Did you mean '--target'?"),
        (["slo", "rules", SHOP, "more"], "unknown argument 'more'."),
        (["runs", "--jsn"], "unknown argument '--jsn'. Did you mean '--json'?"),
    ],
)
def test_an_unknown_argument_points_to_the_help_of_its_own_command(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not to that of the whole, which says nothing of it."""
    assert main(words) == 64
    said = capsys.readouterr().err
    assert told in said
    command = " ".join(["saleproof", *(w for w in words[:2] if w in ("slo", "export", "rules", "runs"))])
    assert said.endswith(f"See: {command} --help\n")


def test_a_wrong_choice_names_those_of_its_own_option(capsys: pytest.CaptureFixture[str]) -> None:
    """Not those of the others."""
    assert main(["plan", "x.yaml", "--until", "foo"]) == 64
    assert "unknown --until 'foo'. Known: decided, end. See: saleproof plan --help" in capsys.readouterr().err
    assert main(["slo", "exprt"]) == 64
    assert "unknown action 'exprt'. Did you mean 'export'?" in capsys.readouterr().err
    assert main(["rn"]) == 64
    assert "Did you mean 'run'?" in capsys.readouterr().err


def test_a_budget_that_cannot_be_read_is_69_with_the_whole_reason(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """On stderr, where no column cuts it short."""
    target = tmp_path / "shop.yaml"
    text = Path(SHOP).read_text(encoding="utf-8")
    named = text.replace("services:\n", 'prometheus: {url: "http://127.0.0.1:9"}\nservices:\n', 1)
    target.write_text(named, encoding="utf-8")
    assert main(["slo", "status", str(target)]) == 69
    said = capsys.readouterr()
    assert "real budgets: what users felt" in said.out
    assert "web-fast: cannot be read: http://127.0.0.1:9" in said.err
