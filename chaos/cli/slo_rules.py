"""`saleproof slo rules`: recording and alerting rules for Prometheus, from the target's SLOs."""

from __future__ import annotations

import argparse

from chaos.cli.common import (
    json_option,
    out_json,
    out_raw,
    pick_variant,
    say,
    target_argument,
    target_of,
    variant_option,
)

HELP = "write Prometheus rules: recorded ratios, and multi-window burn-rate alerts"
EXAMPLES = """\
  saleproof slo rules targets/shop.yaml > rules.yaml
  saleproof slo rules -o rules.yaml --scrape 5s && promtool check rules rules.yaml
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    target_argument(parser)
    variant_option(parser)
    parser.add_argument("-o", "--output", metavar="FILE", default=None, help="write it there (default: stdout)")
    parser.add_argument(
        "--scrape", metavar="DURATION", default="15s",
        help="how often Prometheus scrapes; no alert looks at less than four scrapes (default: 15s)",
    )  # fmt: skip
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Exits with 65 when there is no SLO that rules can be made for, or when promtool, where it is on the PATH, does
    not take them. What gets none is said, with the reason."""
    from chaos.cli.common import write_result
    from chaos.errors import SpecError, UsageError
    from chaos.slo.queries import NoCounters
    from chaos.slo.rules import group
    from chaos.units import Duration

    target = target_of(arguments)
    try:
        scrape = Duration.parse(arguments.scrape)
    except ValueError as error:
        raise UsageError(f"--scrape: {error}") from error
    if not 0.1 <= scrape <= 600:
        raise UsageError(f"--scrape {arguments.scrape}: between 100ms and 10m")
    groups, without = [], []
    for slo in target.slos:
        try:
            words = target.prometheus_of(pick_variant(target, arguments.variant)).variables
            groups.append(
                group(slo, target.slis, target=target.name, events=target.events, scrape_s=float(scrape), words=words)
            )
        except NoCounters as reason:
            without.append(str(reason))
    for text in without:
        say(f"no rules for {text}")
    if not groups:
        raise SpecError("there is no SLO that rules can be made for; see docs/slos.md", path=target.path)
    text = _yaml({"groups": groups}, target.path)
    if (wrong := _promtool(text)) is not None:
        raise SpecError(f"promtool does not take the rules, so they are not written: {wrong}", path=target.path)
    if arguments.json:
        out_json({"groups": groups, "without": without})
    elif arguments.output:
        write_result(arguments.output, text)
    else:
        out_raw(text.rstrip("\n"))
    return 0


def _promtool(text: str) -> str | None:
    """What it has against the rules: a gauge's query is the user's own. None when it takes them, and where there is no
    promtool."""
    import shutil
    import subprocess
    import tempfile

    tool = shutil.which("promtool")
    if tool is None:
        return None
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        try:
            done = subprocess.run(
                [tool, "check", "rules", file.name], capture_output=True, text=True, timeout=30, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as cause:
            say(f"promtool did not check the rules: {cause}")
            return None
        if done.returncode == 0:
            say("promtool takes the rules")
            return None
        return " ".join((done.stderr or done.stdout).replace(file.name, "the rules").split())


def _yaml(document: object, path: str) -> str:
    import yaml

    head = f"# Made by `saleproof slo rules {path}`. Change the target file, not this one.\n"
    return head + yaml.safe_dump(document, sort_keys=False, width=1_000_000, allow_unicode=True)
