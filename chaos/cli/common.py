"""What several subcommands share: finding files, opening the store, and saying things on stderr."""

from __future__ import annotations

import argparse
import sys

from chaos.errors import UsageError
from chaos.masking import masked, masked_tree

# Not from typing, which takes 3 ms to import: `saleproof --help` is to be quick.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from chaos.model.target import Target
    from chaos.store import Store


# Nobody means more lines or runs; and databases count no further than 2^63.
COUNT_MAX = 1_000_000_000


def say(text: str) -> None:
    """Progress and remarks: stderr, so that stdout stays the result."""
    print(masked(text), file=sys.stderr, flush=True)  # noqa: T201


def say_open() -> None:
    """Of any target: what a run that is gone has left, and how to go on. Runs are refused until then."""
    from chaos.preflight.finding import Level
    from chaos.preflight.standing import ledger
    from chaos.state import state_dir

    found = ledger(state_dir())
    if found.level is Level.PROBLEM:
        say(str(found))


def out(text: str) -> None:
    """The result: stdout."""
    out_raw(masked(text))


def out_raw(text: str) -> None:
    """A result that is a program or a file of the user's own: as it is."""
    print(text, flush=True)  # noqa: T201


def out_json(value: Any) -> None:
    """The result, for programs: one JSON document on stdout."""
    from chaos.model.base import to_json, to_plain

    sys.stdout.write(to_json(masked_tree(to_plain(value))).decode() + "\n")


def write_result(name: str, text: str) -> None:
    """Into the file that was asked for. Raises: UsageError."""
    from pathlib import Path

    try:
        Path(name).write_text(text, encoding="utf-8")
    except OSError as cause:
        raise UsageError(f"--output {name}: cannot be written: {cause.strerror}") from cause
    say(f"written: {name}")


def add_command(commands: argparse._SubParsersAction[Any], name: str, module: str) -> None:
    """A module with HELP, EXAMPLES and arguments(parser), as a subcommand."""
    import importlib

    said = importlib.import_module(module)
    parser = commands.add_parser(
        name, help=said.HELP, description=said.HELP, epilog=f"examples:\n{said.EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    said.arguments(parser)


def json_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout instead of text")


def statistics_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--statistics", action="store_true", help="also every bound, test and seed that the verdict stands on"
    )


def target_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--target", metavar="FILE", default=None, help="the target file (default: targets/shop.yaml in this folder)"
    )


def target_argument(parser: argparse.ArgumentParser) -> None:
    """The same without its name, for commands that are about the file itself."""
    parser.add_argument("file", nargs="?", metavar="TARGET", default=None, help="the target file, as with --target")
    target_option(parser)


def target_of(arguments: argparse.Namespace) -> Target:
    """What `target_argument` took. Raises: UsageError, SpecError."""
    if arguments.file is not None and arguments.target is not None:
        raise UsageError(f"{arguments.file} and --target {arguments.target}: say the target file once")
    return find_target(arguments.file if arguments.target is None else arguments.target)


def variant_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--variant", default=None, metavar="NAME", help="which variant of the target (default: the file's first)"
    )


def platform_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--platform", default=None, choices=("embedded", "compose"),
        help="where the target runs (default: compose if it is up there, else embedded)",
    )  # fmt: skip


def find_target(given: str | None) -> Target:
    """The target named on the command line, or the only one in `targets/`. Raises: UsageError, SpecError."""
    from pathlib import Path

    from chaos.spec.target import load_target

    if given is not None:
        return load_target(Path(given))
    folder = Path("targets")
    files = sorted(p for p in folder.glob("*.y*ml")) if folder.is_dir() else []
    if len(files) == 1:
        return load_target(files[0])
    if not files:
        raise UsageError("no target file here: say --target FILE, or go to the folder that holds targets/")
    raise UsageError(f"several targets here: say --target with one of {', '.join(map(str, files))}")


def pick_variant(target: Target, given: str | None) -> str:
    """Raises: UsageError with the nearest known one."""
    from chaos.errors import nearest

    if given is None:
        return target.variants[0]
    if given not in target.variants:
        raise UsageError(f"unknown variant '{given}'.{nearest(given, target.variants)}")
    return given


def open_store() -> Store:
    """To record there; made if missing."""
    from chaos.state import store_url
    from chaos.store import Store

    return Store.open(store_url())


def open_recorded() -> Store:
    """To read what is there. A store that is named and is missing was mistyped; our own begins empty. Raises:
    NoStore."""
    from chaos.state import store_named, store_url
    from chaos.store import Store

    return Store.open(store_url(), make=not store_named())


def refuse_under_way(run: str) -> None:
    """What is recorded of a run that goes on looks like one that was killed. Raises: Refused."""
    from chaos.errors import Refused
    from chaos.preflight.standing import runs
    from chaos.state import state_dir

    if any(holder.run == run for holder in runs(state_dir())):
        raise Refused(f"{run} is under way, and is judged when it is over; `saleproof status` tells what is on now")


def terminal_width() -> int:
    """Between 80 and 120 columns; 80 where nobody looks."""
    import shutil

    return min(120, max(80, shutil.get_terminal_size().columns)) if sys.stdout.isatty() else 80


def positive(text: str) -> int:
    """For argparse: a whole number from 1. Raises: ArgumentTypeError, which argparse turns into usage."""
    if not text.isdecimal() or not 1 <= int(text[:20]) <= COUNT_MAX:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {COUNT_MAX:,}; got '{text[:20]}'")
    return int(text)
