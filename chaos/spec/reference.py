"""The reference pages of `docs/reference/`, made from the code so that they cannot drift.

`python -m chaos.spec.reference --write` writes them; without `--write` it says which ones differ and exits with 1.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chaos.model.sli import Shape
from chaos.spec import condition
from chaos.spec.experiment_file import ExperimentPart
from chaos.spec.keys import first_line, keys_of
from chaos.spec.markdown import inner_nouns, nouns, table, title, type_words
from chaos.spec.method import common_keys
from chaos.spec.schema import COMMON
from chaos.spec.target_file import TargetPart
from chaos.units import QUANTITIES

FOLDER = Path(__file__).parents[2] / "docs" / "reference"

HEAD = "<!-- Made by `python -m chaos.spec.reference --write`. Change the code, not this page. -->\n"

# What each shape of SLI counts, and what a sentence about it allows. A test keeps it complete.
SHAPES: dict[Shape, tuple[str, str, str]] = {
    Shape.AVAILABILITY: (
        "`availability`", "a request without an answer, with a status of 500 or more, or not what its step expects",
        "`availability >= 99.9%` allows 0.1 % of the requests",
    ),
    Shape.ERROR_RATE: (
        "`error-rate`", "the same requests, written from the other side", "`error-rate <= 0.1%` allows 0.1 %",
    ),
    Shape.THROUGHPUT: (
        "`throughput`", "a request that was offered and not answered within the customer's patience",
        "`throughput >= 99%` allows 1 %",
    ),
    Shape.TRANSACTIONS: (
        "`transactions`", "per customer: a journey marked `transaction` with a bad step; takes no step before it",
        "`transactions >= 99.5%` allows 0.5 % of them",
    ),
    Shape.CUSTOMERS: (
        "`customers-affected`", "per customer: any bad step", "`customers-affected <= 1%` allows 1 % of the customers",
    ),
    Shape.LATENCY: (
        "`p50` ... `p99.9`", "a request slower than the value, from its intended start",
        "`p99 < 2s` allows 1 % of the requests to be slower",
    ),
    Shape.COUNTER_RATIO: (
        "declared: `prometheus` or `promql` with `good` and `total`", "what is counted in `total` and not in `good`",
        "`cache-hits >= 80%` allows 20 %",
    ),
    Shape.HISTOGRAM: (
        "declared: `prometheus` or `promql` with `histogram`", "an observation slower than the value",
        "`db-query.p95 < 50ms` allows 5 % of the queries to be slower",
    ),
    Shape.GAUGE: (
        "declared: `sql`, `http`, or `promql` with `gauge`",
        "a reading beyond the value, one reading about every second, or each scrape",
        f"`stock-left >= 1` allows {condition.GAUGE_BUDGET:.0%} of the readings: 59 good ones in a row are held",
    ),
}  # fmt: skip

# Every exit code, for people. A test keeps it complete.
EXIT_CODES = {
    0: "held, or done",
    1: "deviated: the target has a weakness; also when the guard aborted the run",
    2: "inconclusive: the baseline was not steady, a fault was not confirmed, a probe broke, or samples were too few; "
    "also a run that is refused because its windows could not decide",
    3: "a fault could not be reverted; the message says what is still in place and how to remove it",
    64: "usage: the command line asks for something that does not exist",
    65: "a file is wrong (also a store that is damaged), or asks for what cannot be done on its target; the message "
    "says where, and what is allowed",
    69: "not available: a platform or a service does not answer, or the platform lacks what a fault needs",
    70: "an internal error, or the run crashed; everything was reverted",
    75: "refused for now: halted, production not armed, another run holds the target, an open ledger, a fault left "
    "from before, the other variant is up, too little of the error budget left",
    130: "interrupted by a person, a signal or `saleproof halt`, and everything was reverted",
}


def pages() -> dict[str, str]:
    """File name -> Markdown."""
    made: dict[str, Callable[[], str]] = {
        "experiment.md": experiment_page,
        "target.md": target_page,
        "conditions.md": conditions_page,
        "faults.md": faults_page,
        "exit-codes.md": exit_codes_page,
        "commands.md": commands_page,
        "modules.md": modules_page,
    }
    return {name: f"{HEAD}\n{page().rstrip()}\n" for name, page in made.items()}


def experiment_page() -> str:
    """Every key of an experiment file."""
    return "\n".join(
        (
            "# Experiment files",
            "",
            "One experiment is one YAML or JSON file. Values are read as YAML 1.2 has them (`on` and `1:30` are text),",
            "quantities are written with their unit; unknown or duplicate keys, aliases, anchors and tags are refused.",
            "A JSON Schema for editors: `saleproof schema experiment`.",
            "",
            *nouns(ExperimentPart, "The file"),
            "## A method's steps",
            "",
            "Each step is a mapping with one key:",
            "",
            "| key | value |",
            "|---|---|",
            "| a fault's word | its keys; see [faults](faults.md) |",
            "| `together` | a list of two faults or more that are on at once |",
            "| `wait` | a duration in which nothing is done, such as `10s` |",
            "",
            *_quantities(),
        )
    )


def target_page() -> str:
    """Every key of a target file."""
    return "\n".join(
        (
            "# Target files",
            "",
            "One target is one file, `targets/<name>.yaml`. It says everything that Saleproof knows about the system.",
            "A JSON Schema for editors: `saleproof schema target`.",
            "",
            *nouns(TargetPart, "The file"),
            "## Variables",
            "",
            "In `traffic.steps`, `{name}` is filled from `traffic.values`, from what an earlier step saved, or is",
            "`{uuid}` or `{customer}`. In `platforms.embedded` and for an invariant's command:",
            "",
            "| variable | means |",
            "|---|---|",
            "| `{port}`, `{port:NAME}` | the port to listen on; a further one of that name |",
            "| `{link:SERVICE}` | host:port of the fault proxies of the link to that service, with commas between |",
            "| `{direct:SERVICE}` | host:port of that service's instances, past the proxies |",
            "| `{instance}`, `{index}` | `web-2`, and its number among the service's instances |",
            "| `{state}` | a folder of the instance's own |",
            "| `{variant}`, `{python}` | the variant that is up; the Python that runs Saleproof |",
            "| `{{word}}` | the word itself in braces |",
        )
    )


def conditions_page() -> str:
    """The grammar, and what is counted."""
    rows = [f"| {name} | {bad} | {allows} |" for name, bad, allows in SHAPES.values()]
    return "\n".join(
        (
            "# Conditions and SLIs",
            "",
            "A condition is one sentence about one SLI, such as `checkout.p99 < 2s`. The grammar, in ISO 14977 EBNF",
            "(white space between its parts is free):",
            "",
            "```ebnf",
            condition.GRAMMAR.rstrip(),
            "```",
            "",
            "- Under `hypothesis` and `during` it says what is good, under `abort` what is too bad to go on: there the",
            "  comparison points the other way, and `for 3s` says how long it must be true without a break.",
            "- A step or a group of steps in front (`checkout.p99`, `pages.availability`) counts those requests only.",
            "- The value has the SLI's unit: `%` for ratios, a duration for percentiles; a gauge is a plain number, or",
            "  one with a unit that is then turned into seconds, bytes or a share of 1.",
            "- An entry of `during` replaces the entry of the hypothesis on the same SLI and step.",
            "- 100 % good or 0 % bad is refused: no number of samples can prove it.",
            "",
            "## No worse than before",
            "",
            "`pages.p99 no worse than before` compares a percentile of the traffic with the window before the first",
            f"fault. It may be {float(condition.TOLERANCE):.0%} longer, or what `by` says "
            "(`no worse than before by 50%`), and 5 ms longer in",
            "any case. It is judged when its window, during or after, is over:",
            "",
            "- *deviated*: proven to be longer than that, by a moving-block bootstrap, which knows that slow requests",
            "  come together. All tests of a run together have one chance in a hundred to say so without a reason.",
            "- *held*: proven to be within it, with 95 % confidence.",
            "- *inconclusive*: neither, and it says how long the windows would have to be. Both windows need 30 s",
            "  (three blocks of 10 s) and ten requests beyond the percentile: 1,000 for a p99. A plan with less is",
            "  refused.",
            "",
            "It may stand beside an objective on the same percentile. An entry of `during` replaces the comparison of",
            "the hypothesis, not the objective.",
            "",
            "## SLIs, and what is bad",
            "",
            "Every SLI is a bad fraction against a budget. *Held* needs so many samples that the exact 95 % bound of",
            "the bad fraction is within the budget: 2,995 good ones for 0.1 %, 299 for 1 %, 59 for 5 %.",
            "",
            "| SLI | bad is | budget |",
            "|---|---|---|",
            *rows,
            "",
            "An abort condition's budget is the fraction that it does not tolerate: 25 % for `error-rate > 25%`, 10 %",
            "for `availability < 90%`, 1 % slower than 5 s for `p99 > 5s`.",
            "",
            "`checkout.p99 deviated` aborts as soon as that sentence of the hypothesis (of `during`, while a fault is",
            "on) is proven to have deviated, `deviated` alone as soon as any has: by the sequential test that the",
            "verdict is made with, so that at most one run in a hundred is aborted so without a reason. In production",
            "`deviated` is always on.",
        )
    )


def faults_page() -> str:
    """Every fault, with its keys."""
    from chaos.faults import FAULTS

    lines = [
        "# Faults",
        "",
        "| fault | acts on | does |",
        "|---|---|---|",
        *(f"| [`{w}`](#{w}) | {_acts_on(f)} | {first_line(f)} |" for w, f in FAULTS.items()),
        "",
        "Every fault is written down before it is injected, confirmed by a measurement, reverted, and read back.",
        "",
        "## Keys of every fault",
        "",
        "| key | value | means |",
        "|---|---|---|",
        *(f"| `{word}` | {type_words(kind)} | {text} |" for word, (kind, text) in COMMON.items()),
        "",
    ]
    fault: Any
    for word, fault in FAULTS.items():
        common = ", ".join(f"`{key}`" for key in common_keys(fault))
        lines += [f"## {word}", "", first_line(fault), "", "```yaml", f"- {fault.example}", "```", ""]
        lines += [f"Needs `{fault.needs.__name__}` of the platform. Besides its own keys: {common}.", ""]
        lines += table(fault) if keys_of(fault) else []
        for inner in inner_nouns(fault):
            lines += [f"### {word}: {title(inner).lower()}", "", first_line(inner), "", *table(inner)]
    return "\n".join(lines)


def exit_codes_page() -> str:
    """Every exit code."""
    return "\n".join(
        (
            "# Exit codes",
            "",
            "| exit | means |",
            "|---|---|",
            *(f"| {code} | {text} |" for code, text in EXIT_CODES.items()),
            "",
            "When several apply, one order holds everywhere: a fault that could not be reverted, then deviated, then",
            "inconclusive, then held.",
        )
    )


def commands_page() -> str:
    """Every subcommand with its arguments. Not argparse's own text, which differs from one Python to the next."""
    from chaos.cli import parser

    lines = ["# Commands", "", "| command | does |", "|---|---|"]
    subcommands = _flattened(_subcommands(parser()))
    lines += [
        f"| [`saleproof {name}`](#saleproof-{name.replace(' ', '-')}) | {sub.description} |"
        for name, sub in subcommands.items()
    ]
    for name, sub in subcommands.items():
        lines += ["", f"## saleproof {name}", "", f"{sub.description}.", "", *_arguments(sub)]
        if sub.epilog:
            lines += ["", "```sh", *(line.strip() for line in sub.epilog.splitlines()[1:] if line.strip()), "```"]
    return "\n".join(lines)


def modules_page() -> str:
    """What each module is for: the first sentence of its docstring."""
    root = FOLDER.parents[1]
    lines = ["# Modules", "", "What each one is for, in its own first sentence."]
    for package in ("chaos", "targets"):
        for path in sorted((root / package).rglob("*.py"), key=lambda p: (p.parent, p.stem != "__init__", p.stem)):
            if path.stem == "__init__":
                lines += ["", f"## {path.parent.relative_to(root)}/", "", _first_sentence(path), ""]
            else:
                lines += [f"- `{path.stem}`: {_first_sentence(path)}"]
    return "\n".join(lines)


def _first_sentence(path: Path) -> str:
    text = " ".join((ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0].split())
    found = re.match(r".*?[.!?](?= [A-Z`]|$)", text)
    return found[0] if found else text


def _subcommands(root: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    found: dict[str, argparse.ArgumentParser] = {}
    for action in root._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= dict(action.choices.items())
    return found


def _flattened(subcommands: dict[str, argparse.ArgumentParser]) -> dict[str, argparse.ArgumentParser]:
    """`slo status` beside `run`: a command that has subcommands of its own is those."""
    found: dict[str, argparse.ArgumentParser] = {}
    for name, sub in subcommands.items():
        inner = {f"{name} {action}": each for action, each in _subcommands(sub).items()}
        found |= inner or {name: sub}
    return found


def _arguments(sub: argparse.ArgumentParser) -> list[str]:
    rows = ["| argument | means |", "|---|---|"]
    for action in sub._actions:
        if action.help == argparse.SUPPRESS or isinstance(action, argparse._HelpAction):
            continue
        takes = "" if action.nargs == 0 else f" {_metavar(action)}"
        word = ", ".join(f"`{option}{takes}`" for option in action.option_strings) or f"`{_metavar(action)}`"
        rows.append(f"| {word} | {(action.help or '').replace('|', chr(92) + '|')} |")
    return rows


def _metavar(action: argparse.Action) -> str:
    name = action.metavar if isinstance(action.metavar, str) else None
    if name is None:
        name = ", ".join(map(str, action.choices)) if action.choices else action.dest.upper()
    return f"{name}..." if action.nargs in ("+", "*") else name


def _acts_on(fault: Any) -> str:
    return {
        "link": "a link", "service": "a service", "groups": "groups of services", "traffic": "the traffic",
        "nothing": "what you bring, or nothing",
    }[fault.acts_on]  # fmt: skip


def _quantities() -> list[str]:
    rows = [f"| {kind.__name__.lower()} | {(kind.__doc__ or '').strip()} |" for kind in QUANTITIES]
    return ["## Quantities", "", "| quantity | written |", "|---|---|", *rows, ""]


def main(words: list[str] | None = None) -> int:
    """Write the pages, or say which ones differ. Exits with 1 when some do."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the pages")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    arguments = parser.parse_args(words)
    made = pages()
    if arguments.write:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        for name, text in made.items():
            (arguments.folder / name).write_text(text, encoding="utf-8")
        return 0
    stale = differing(arguments.folder)
    for name in stale:
        sys.stdout.write(f"{arguments.folder / name} differs from the code: python -m chaos.spec.reference --write\n")
    return 1 if stale else 0


def differing(folder: Path = FOLDER) -> list[str]:
    """The pages that are missing or are not as the code says."""
    return [
        name
        for name, text in pages().items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    ]


if __name__ == "__main__":
    raise SystemExit(main())
