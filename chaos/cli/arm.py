"""`saleproof arm`: sign that an experiment may run on its production target, since a pipeline must not arm itself."""

from __future__ import annotations

import argparse

from chaos.cli.common import json_option, out_json, out_raw, say

# Not from typing, which takes 3 ms to import: `saleproof --help` is to be quick.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

HELP = "sign that an experiment may run on its production target until a time, for CI"
EXAMPLES = """\
  saleproof arm experiments/web-crash.yaml --until 2h --key ~/.ssh/id_ed25519 -o arm.sig
  saleproof arm experiments/web-crash.yaml --until 2026-12-01T12:00Z --key ~/.ssh/id_ed25519.pub > arm.sig
  saleproof run experiments/web-crash.yaml --arm-signed arm.sig             where nobody can type the target's name
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("experiment", metavar="FILE", help="an experiment file")
    parser.add_argument("--target", metavar="FILE", default=None, help="the target file (default: found by its name)")
    parser.add_argument(
        "--until", metavar="TIME", required=True, help="a run may begin until then: 2h from now, or 2026-12-01T12:00Z"
    )
    parser.add_argument(
        "--key", metavar="KEY", required=True, help="your SSH key; a public one, where an ssh-agent has the other half"
    )
    parser.add_argument("-o", "--output", metavar="FILE", default=None, help="write it there (default: to stdout)")
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Raises: SpecError, UsageError; Refused when that key may not arm the target; Unavailable without OpenSSH."""
    import tempfile
    from pathlib import Path

    from chaos.errors import UsageError
    from chaos.rehearsal.arming import Statement, allowed_signers, sign, verify
    from chaos.rehearsal.production import PRODUCTION
    from chaos.spec import load_experiment

    until = _until(arguments.until)
    target_file = Path(arguments.target) if arguments.target else None
    experiment, target = load_experiment(Path(arguments.experiment), target_file=target_file)
    if target.environment != PRODUCTION:
        raise UsageError(f"the target '{target.name}' is {target.environment}: it needs no arming")
    allowed_signers(target)
    statement = Statement.of(target, experiment, until)
    signed = sign(statement, Path(arguments.key).expanduser())
    with tempfile.NamedTemporaryFile("w", prefix="saleproof-arm-", suffix=".sig", encoding="utf-8") as tried:
        tried.write(signed)
        tried.flush()
        armed = verify(Path(tried.name), target, experiment, called=arguments.key)
    if arguments.output is not None:
        try:
            Path(arguments.output).write_text(signed, encoding="utf-8")
        except OSError as cause:
            raise UsageError(f"--output {arguments.output}: cannot be written: {cause.strerror}") from cause
    if arguments.json:
        out_json({"statement": statement, "by": armed.by, "file": arguments.output, "signed": signed})
    elif arguments.output is None:
        out_raw(signed.rstrip("\n"))
    else:
        say(f"{experiment.path} may run on {target.name}: {armed}; saleproof run FILE --arm-signed {arguments.output}")
    return 0


def _until(text: str) -> datetime:
    """Raises: UsageError."""
    from datetime import UTC, datetime, timedelta

    from chaos.errors import UsageError
    from chaos.units import Duration

    now = datetime.now(UTC)
    try:
        try:
            until = now + timedelta(seconds=float(Duration.parse(text)))
        except ValueError:
            until = datetime.fromisoformat(text)
        if until.tzinfo is not None:
            until = until.astimezone(UTC)
    except OverflowError:
        raise UsageError(f"--until {text}: no calendar goes so far") from None
    except ValueError:
        raise UsageError(f"--until {text}: write a duration (2h) or a time (2026-12-01T12:00Z)") from None
    if until.tzinfo is None:
        raise UsageError(f"--until {text}: of which zone? Write {text}Z for UTC")
    if until <= now:
        raise UsageError(f"--until {text}: that is past")
    return until
