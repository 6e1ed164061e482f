"""Experiment files."""

# ruff: noqa: E501 (a row of a table is one line)
from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.errors import SpecError, SpecErrors
from chaos.faults import FAULTS
from chaos.faults.latency import Latency
from chaos.model.objective import ANY
from chaos.spec import files, find_target, kind, load_experiment, load_target
from chaos.spec.marked import plain
from chaos.units import Duration, Ratio

Write = Callable[..., Path]
ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "experiments").glob("*.yaml"))


def test_there_are_shipped_experiments() -> None:
    """So that the tests below test something."""
    assert SHIPPED


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.name)
def test_every_shipped_experiment_is_right(path: Path) -> None:
    """What we ship loads against the target that it names, in each of its profiles."""
    assert kind(path) == "experiment"
    experiment, target = load_experiment(path)
    assert experiment.target == target.name
    for profile in experiment.profiles:
        load_experiment(path, profile=profile, target=target)


def test_an_experiment_is_read_whole(experiment: Write) -> None:
    """Everything that the file says is in the noun, resolved against its target."""
    read, target = load_experiment(experiment())
    assert target.name == "shop"
    assert read.title == "Checkout survives a slow database"
    assert [c.text for c in read.hypothesis] == ["availability >= 99.9%", "pages.p99 < 2s", "checkout.p95 < 2s"]
    assert [c.line for c in read.hypothesis] == [8, 9, 10]
    assert read.hypothesis[1].steps == ("home", "list")
    assert [c.hold for c in read.abort] == [Duration(3), Duration(1), Duration(5)]
    assert (read.windows.before, read.windows.after, read.recovery) == (Duration(30), Duration(60), Duration(15))
    slow, wait, together, cut = read.method
    assert slow.faults[0].fault == Latency(delay=Duration(0.3), jitter=Duration(0.05))
    assert (slow.faults[0].scope.link, slow.faults[0].duration) == ("web -> db", Duration(60))
    assert slow.faults[0].text == "latency: {link: web -> db, delay: 300ms, jitter: 50ms, for: 60s}"
    assert (slow.line, wait.wait) == (14, Duration(10))
    assert [f.kind for f in together.faults] == ["kill", "surge"]
    assert together.faults[0].scope.share == Ratio(1 / 3)
    assert cut.faults[0].scope.between == (("web",), ("db", "replica"))
    assert read.text.startswith("title: Checkout")


def test_during_replaces_the_same_question(experiment: Write) -> None:
    """An entry of `during` stands in for the hypothesis on the same SLI and step."""
    read, _ = load_experiment(experiment())
    assert [c.text for c in read.during_conditions()] == [
        "availability >= 99.9%",
        "pages.p99 < 2s",
        "checkout.p95 < 3s",
    ]


def test_during_replaces_the_comparison_and_not_the_objective(experiment: Write) -> None:
    """They are two questions on one percentile."""
    path = experiment(
        ("  - pages.p99 < 2s", "  - pages.p99 < 2s\n  - pages.p99 no worse than before"),
        ("  - checkout.p95 < 3s", "  - pages.p99 no worse than before by 50%"),
    )
    assert {c.text for c in load_experiment(path)[0].during_conditions()} == {
        "availability >= 99.9%", "pages.p99 < 2s", "pages.p99 no worse than before by 50%", "checkout.p95 < 2s",
    }  # fmt: skip


def test_a_profile_replaces_what_it_names(experiment: Write) -> None:
    """`--profile ci`: other windows, shorter faults, other objectives; the rest stays."""
    read, _ = load_experiment(experiment(), profile="ci")
    assert [c.text for c in read.hypothesis] == ["availability >= 99%", "checkout.p95 < 2s"]
    assert read.during == ()
    assert (read.windows.warm_up, read.windows.before, read.windows.after) == (Duration(5), Duration(30), Duration(30))
    assert {f.duration for step in read.method for f in step.faults} == {Duration(30)}
    assert read.recovery == Duration(5)
    assert read.method[1].wait == Duration(10)


def test_an_unknown_profile_names_the_nearest(experiment: Write) -> None:
    """A profile that the file has not."""
    with pytest.raises(SpecError, match=r"unknown profile 'cii'\. Did you mean 'ci'\? Known: ci\."):
        load_experiment(experiment(), profile="cii")


def test_json_is_the_same(experiment: Write) -> None:
    """The same experiment as JSON is the same experiment."""
    path = experiment()
    other = path.with_suffix(".json")
    other.write_text(json.dumps(plain(files.read(path).root), indent=1))
    one, two = load_experiment(path)[0], load_experiment(other)[0]
    assert one.hypothesis[0].budget == two.hypothesis[0].budget
    assert one.method[0].faults[0].fault == two.method[0].faults[0].fault
    assert one.during_conditions()[0].key == two.during_conditions()[0].key


def test_the_target_is_found_beside_and_above(experiment: Write, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`targets/` beside the experiment's folder, or any folder above; then the working directory; or as said."""
    path = experiment()
    deep = folder / "experiments" / "a" / "b"
    deep.mkdir(parents=True)
    assert load_experiment(shutil.copy(path, deep))[1].name == "shop"
    alone = folder / "alone"
    alone.mkdir()
    monkeypatch.chdir(alone)
    target = shutil.move(folder / "targets" / "shop.yaml", alone / "mine.yaml")
    with pytest.raises(SpecError, match=r"target: unknown target 'shop'"):
        load_experiment(path)
    assert load_experiment(path, target_file=target)[1].name == "shop"
    assert load_experiment(path, target=load_target(target))[1].name == "shop"
    (folder / "cwd" / "targets").mkdir(parents=True)
    shutil.copy(target, folder / "cwd" / "targets" / "shop.yaml")
    monkeypatch.chdir(folder / "cwd")
    assert find_target("shop", path) == Path("targets/shop.yaml")


def test_an_unknown_target_names_the_nearest(experiment: Write) -> None:
    """The line that names it, what there is, and where it was searched."""
    with pytest.raises(SpecError) as caught:
        load_experiment(experiment(("target: shop", "target: shpo")))
    assert "x.yaml:2: target: unknown target 'shpo'. Did you mean 'shop'? Known: shop. Searched " in str(caught.value)


def test_a_target_is_a_name_and_not_a_path(experiment: Write) -> None:
    """`../secrets` is not looked up."""
    with pytest.raises(SpecError, match="is not a target's name"):
        load_experiment(experiment(("target: shop", "target: ../targets/shop")))


def test_a_given_target_must_be_the_named_one(experiment: Write, target: Write) -> None:
    """`--target` with another system's file is a mistake."""
    other = target(("target: shop", "target: store"), name="store.yaml")
    with pytest.raises(SpecError, match=r"asks for 'shop', and .*store\.yaml describes 'store'"):
        load_experiment(experiment(), target_file=other)


def test_the_targets_own_errors_are_said_with_its_file(experiment: Write, target: Write) -> None:
    """Both files' errors, each with its file."""
    target(("rate: 25/s", "rate: 25"))
    with pytest.raises(SpecErrors) as caught:
        load_experiment(experiment(("recovery: 15s", "recovery: 15")))
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert "x.yaml:20: recovery: '15' is not a duration" in lines[0]
    assert "shop.yaml:21: traffic.rate: '25' is not a rate" in lines[1]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("title: Checkout survives a slow database\n", "", "x.yaml:1: missing key 'title'"),
        ("title: Checkout survives a slow database", r'title: "Held\e[2J"', "x.yaml:1: title: has the character U+001B, which changes what a terminal shows"),
        ("rehearses a slow", "rehearses \u202e a slow", "x.yaml:3: why: has the character U+202E"),
        ("deviated: every worker waits", r"deviated: every\rworker waits", "x.yaml:4: expects.fragile: has the character U+000D"),
        ("why: It", "whi: It", "x.yaml:3: unknown key 'whi'. Did you mean 'why'?"),
        ("load: normal", "load: nromal", "x.yaml:5: load: unknown traffic profile 'nromal'. Did you mean 'normal'?"),
        ("resilient: held", "resilent: held", "x.yaml:4: expects: unknown variant 'resilent'. Did you mean 'resilient'?"),
        ("resilient: held", "resilient: passed", "expects.resilient: 'passed' is no outcome; write held, inconclusive"),
        ("warm-up: 5s", "warmup: 5s", "windows: unknown key 'warmup'. Did you mean 'warm-up'?"),
        ("before: 30s", "before: 0s", "windows.before: must be more than 0s"),
        ("  - pages.p99 < 2s", "  - page.p99 < 2s", "x.yaml:9: hypothesis[1]: unknown step, group or SLI 'page'"),
        ("  - pages.p99 < 2s", "  - availability >= 99%", "x.yaml:9: hypothesis[1]: 'availability' is on line 8 already"),
        ("  - pages.p99 < 2s", "  - {p99: 2s}", "x.yaml:9: hypothesis[1]: expected text; got a mapping"),
        ("error-rate > 25% for 3s", "error-rate < 25% for 3s", "x.yaml:22: abort[0]: `error-rate < 25% for 3s` points the wrong way"),
        ("latency:", "latancy:", "x.yaml:14: method[0]: unknown fault 'latancy'. Did you mean 'latency'? Known: "),
        ("delay:", "dealy:", "x.yaml:14: method[0].latency: unknown key 'dealy'. Did you mean 'delay'? Known: "),
        ("delay: 300ms", "delay: 300", "x.yaml:14: method[0].latency.delay: '300' is not a duration"),
        ("jitter: 50ms", "jitter: 500ms", "x.yaml:14: method[0].latency: jitter is 500ms; it must not be more than the delay"),
        ("jitter: 50ms, for: 60s", "jitter: 50ms", "method[0].latency: missing key 'for': how long the fault is on"),
        ("jitter: 50ms, for: 60s", "jitter: 50ms, for: 0s", "method[0].latency.for: must be more than 0s"),
        ("link: web -> db, ", "", "method[0].latency: missing key 'link', for example `link: web -> db`"),
        ("link: web -> db", "link: web -> dbs", "method[0].latency.link: unknown link 'web -> dbs'. Did you mean 'web -> db'?"),
        ("link: web -> db", "link: db -> web", "unknown link 'db -> web'; write it from the one that dials. Did you mean 'web -> db'?"),
        ("link: web -> db", "link: cache -> db", "unknown link 'cache -> db'"),
        ("link: web -> db", "link: web", "'web' is not a link; write it from the one that dials: web -> db"),
        ("link: web -> db", "service: web", "unknown key 'service'"),
        ("service: web, share: 1/3", "service: wbe", "method[2].together[0].kill.service: unknown service 'wbe'. Did you mean 'web"),
        ("service: web, share: 1/3", "service: web-9", "unknown service 'web-9'. Did you mean 'web-"),
        ("share: 1/3", "share: 0%", "kill.share: '0%' is none of them"),
        ("share: 1/3", "share: 3", "kill.share: '3' is not a ratio"),
        ("surge: {times: 2", "surge: {times: 2, share: 50%", "surge: unknown key 'share'"),
        ("surge: {times: 2", "surge: {times: 1", "surge: times is 1, which changes nothing"),
        ("      - surge: {times: 2, for: 20s}\n", "", "method[2].together: expected a list of two faults or more"),
        ("      - surge: {times: 2, for: 20s}", "      - wait: 10s", "method[2].together[1]: unknown fault 'wait'"),
        ("wait: 10s", "wait: 0s", "method[1].wait: must be more than 0s"),
        ("- wait: 10s", "- wait: 10s\n    pause: {service: web, for: 3s}", "method[1]: one step has one key; got wait, pause"),
        ("- wait: 10s", "- {}", "method[1]: expected one step, `latency: {...}` or `wait: 10s`; got an empty mapping"),
        ("- wait: 10s", "- wait", "method[1]: expected one step, `latency: {...}` or `wait: 10s`; got 'wait'"),
        ("latency: {link: web -> db, delay: 300ms, jitter: 50ms, for: 60s}", "latency: 300ms", "method[0].latency: expected a mapping, like `latency: {link"),
        ("[[web], [db, replica]]", "[[web], [web, db]]", "between[1][0]: 'web' is in both groups"),
        ("[[web], [db, replica]]", "[[web], []]", "between[1]: an empty group; name a service"),
        ("[[web], [db, replica]]", "[[web]]", "between: expected a list of 2; got 1"),
        ("[[web], [db, replica]]", "[[cache], [db]]", "no link joins the two groups, so nothing would be cut"),
        ("[[web], [db, replica]]", "[[web], [dbb]]", "between[1][0]: unknown service 'dbb'. Did you mean 'db'?"),
        ("direction: one-way", "direction: oneway", "partition.direction: 'oneway' is not one of them. Did you mean 'one-way'?"),
        ("    for: 30s", "    fro: 30s", "profiles.ci: unknown key 'fro'. Did you mean 'for'?"),
        ("hypothesis: [availability >= 99%,", "hypothesis: [availability >= 100%,", "profiles.ci.hypothesis[0]: `availability >= 100%` allows nothing"),
        ("hypothesis: [availability >= 99%,", "hypothesis: [p99 no worse than before] #", "profiles.ci.hypothesis: only compares with before; say also what must be true before"),
        ("load: normal", "load: none", "hypothesis[0]: 'availability' is measured on traffic, and there is none: `load: none`"),
    ],
)  # fmt: skip
def test_a_wrong_experiment_says_where_and_what(experiment: Write, old: str, new: str, words: str) -> None:
    """File, line, place, what was got, what is allowed, and the nearest word."""
    with pytest.raises(SpecError) as caught:
        load_experiment(experiment((old, new)))
    assert words in str(caught.value)
    assert caught.value.line is not None
    assert caught.value.exit_code == 65


def test_an_empty_method_is_refused(folder: Path) -> None:
    """An experiment that does nothing is not one."""
    path = folder / "experiments" / "x.yaml"
    path.write_text("title: x\ntarget: shop\nhypothesis: [p99 < 2s]\nmethod: []\n")
    with pytest.raises(SpecError, match=r"x\.yaml:4: method: needs a list of at least one step"):
        load_experiment(path)


def test_a_target_without_traffic_has_no_load(target: Write, folder: Path) -> None:
    """Then only declared SLIs can be asked for."""
    (folder / "targets" / "shop.yaml").write_text(
        "target: shop\nservices: {db: {}, web: {}}\nslis: {lag: {http: db, json: a}}\n"
    )
    path = folder / "experiments" / "x.yaml"
    path.write_text("title: x\ntarget: shop\nhypothesis: [lag < 2s]\nmethod: [{pause: {service: db, for: 60s}}]\n")
    assert load_experiment(path)[0].load == "none"
    path.write_text("title: x\ntarget: shop\nhypothesis: [p99 < 2s]\nmethod: [{pause: {service: db, for: 60s}}]\n")
    with pytest.raises(SpecError, match="'p99' is measured on traffic, and the target 'shop' has none"):
        load_experiment(path)


@pytest.mark.parametrize("word", FAULTS)
def test_every_faults_own_example_is_right(experiment: Write, word: str) -> None:
    """What the reference shows can be pasted into a method."""
    example = FAULTS[word].example
    path = experiment(("latency: {link: web -> db, delay: 300ms, jitter: 50ms, for: 60s}", example))
    read, _ = load_experiment(path)
    assert read.method[0].faults[0].kind == word


def test_a_target_name_that_no_file_can_have(tmp_path: Path) -> None:
    """Longer than a file system takes: unknown as any other, and shown in short."""
    (tmp_path / "targets").mkdir()
    with pytest.raises(SpecError, match=r"unknown target 'x{77}\.\.\.'"):
        find_target("x" * 3000, tmp_path / "e.yaml")


def test_an_abort_condition_may_be_that_something_deviates(experiment: Write) -> None:
    """`deviated` alone means any sentence, an SLI before it means that one; both beside ordinary conditions."""
    path = experiment()
    text = path.read_text()
    head, _, rest = text.partition("abort:")
    old = rest.split("\n")
    entries = [line for line in old[1:] if line.strip().startswith("-")][:1]
    more = ["  - deviated", "  - pages.p99   deviated"]
    path.write_text(head + "\n".join(["abort:", *entries, *more, *old[1:][1:]]))
    read, _ = load_experiment(path)
    assert read.abort_deviated == (ANY, "pages.p99")
    assert all("deviated" not in condition.text for condition in read.abort)
    path.write_text(path.read_text().replace("pages.p99   deviated", "page.p99 deviated"))
    with pytest.raises(SpecError, match=r"neither hypothesis nor during has a sentence on 'page.p99'.*'pages.p99'"):
        load_experiment(path)


def test_deviated_is_no_hypothesis(experiment: Write) -> None:
    """It says what is too bad, not what is good."""
    path = experiment()
    path.write_text(path.read_text().replace("availability >= 99.9%", "availability deviated"))
    with pytest.raises(SpecError, match="belongs to abort conditions"):
        load_experiment(path)


def test_until_decided_is_the_files_the_profiles_or_the_callers(experiment: Write) -> None:
    """In that order, the last word counts."""
    path = experiment()
    path.write_text(path.read_text() + "until: decided\n")
    assert load_experiment(path)[0].until == "decided"
    assert load_experiment(path, until="end")[0].until == "end"
    path.write_text(path.read_text().replace("until: decided", "until: decide"))
    with pytest.raises(SpecError, match=r"until: 'decide' is not one of them\. Did you mean 'decided'\?"):
        load_experiment(path)
