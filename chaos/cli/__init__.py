"""The command line: one file a subcommand; here only the way in and the way out.

Everything heavy is imported inside a subcommand's `run`, so that `saleproof --help` and `validate` stay fast.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys

from chaos import __version__
from chaos.cli.common import add_command
from chaos.errors import SaleproofError, UsageError, nearest
from chaos.masking import masked

# Not from typing, which takes 3 ms to import: `saleproof --help` is to be quick.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

# In the order of --help. A subcommand is a module with HELP, EXAMPLES, arguments(parser) and run(arguments) -> code.
COMMANDS = (
    "run", "plan", "validate", "init", "up", "attach", "detach", "status", "logs", "down", "runs", "show", "judge",
    "calibrate", "export", "slo", "schema", "recover", "halt", "resume", "arm", "doctor", "completion",
)  # fmt: skip

ABOUT = "Rehearse a flash sale's failures before the sale does."
EXIT_CODES = """exit codes:
  0 held   1 deviated   2 inconclusive   3 a fault could not be reverted
  64 usage   65 bad file   69 not available   70 internal error   75 refused for now   130 interrupted

environment:
  SALEPROOF_STATE  where runs, the ledger and the embedded shop live   NO_COLOR  no colours
  SALEPROOF_STORE  where runs are recorded: a file or a database URL
  SALEPROOF_ARM    the name of a production target, to run on it where nobody can type it
  SALEPROOF_ARM_FILE  the same, signed: what `saleproof arm` has made

first steps:
  saleproof run experiments/db-latency-spike.yaml      rehearse a slow database on the embedded shop
  saleproof show last                                  read the verdict again
"""


class Parser(argparse.ArgumentParser):
    """argparse, with our exit code for usage and the nearest known word."""

    def error(self, message: str) -> NoReturn:
        if "invalid choice: " in message:
            got = message.split("invalid choice: ", 1)[1].split("'")[1]
            name = message.split(":")[0].removeprefix("argument ")
            known = [
                str(choice)
                for a in self._actions
                if name in ("/".join(a.option_strings), a.metavar, a.dest)
                for choice in a.choices or ()
            ]
            message = f"unknown {name} '{got}'.{nearest(got, known)}"
        elif message.startswith("unrecognized arguments: "):
            got = message.removeprefix("unrecognized arguments: ").split()[0]
            known = [option for a in self._actions for option in a.option_strings]
            message = f"unknown argument '{got}'.{nearest(got, known)}"
        raise UsageError(f"{message.rstrip('.')}. See: {self.prog} --help")

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        """argparse hands a subcommand's unknown arguments up to the root; only the subcommand knows what was meant."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """The whole command line; with `only`, the arguments of that subcommand alone (the others by name)."""
    root = Parser(
        prog="saleproof", description=ABOUT, epilog=EXIT_CODES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    root.add_argument("--version", action="version", version=f"saleproof {__version__}")
    commands = root.add_subparsers(dest="command", metavar="command", required=True, parser_class=Parser)
    for name in COMMANDS:
        if only is not None and name != only:
            commands.add_parser(name, add_help=False)
            continue
        add_command(commands, name, f"chaos.cli.{name}")
    return root


def main(argv: list[str] | None = None) -> int:
    """The entry point. Maps every error to one clear line on stderr and an exit code of DESIGN's table."""
    words = sys.argv[1:] if argv is None else argv
    _fill_closed()
    try:
        only = words[0] if words and words[0] in COMMANDS else None
        arguments = parser(only).parse_args(words)
        code = importlib.import_module(f"chaos.cli.{arguments.command}").run(arguments)
        sys.stdout.flush()
        return int(code)
    except SaleproofError as error:
        print(f"saleproof: {masked(str(error))}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    except KeyboardInterrupt:
        print("saleproof: interrupted", file=sys.stderr)  # noqa: T201
        return 130
    except BrokenPipeError:
        # Whoever read us has enough. Keep the interpreter from complaining when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except SystemExit as leaving:  # --help, --version
        return int(leaving.code or 0)
    except Exception as cause:
        if isinstance(cause, OSError) and cause.errno == errno.EIO and not os.isatty(2):
            return _without_terminal()
        if of_state := _of_state(cause):
            print(f"saleproof: {of_state}", file=sys.stderr)  # noqa: T201
            return SaleproofError.exit_code
        return _crashed(cause)


def _fill_closed() -> None:
    """Whoever started us may have closed them (`>&-`, as daemons do): Python then has none, and the next file that is
    opened, the store's say, would get their number and what others write to it."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, "w" if number else "r"))


def _of_state(cause: Exception) -> str:
    """What a person can mend: a file of the state folder that cannot be made, written or read; empty for all else."""
    from pathlib import Path

    from chaos.state import state_dir

    if not isinstance(cause, OSError) or not isinstance(cause.filename, str):
        return ""
    try:
        state = state_dir()
    except SaleproofError:
        return ""
    if not Path(cause.filename).absolute().is_relative_to(state):
        return ""
    return (
        f"{cause.filename}: {cause.strerror}; the state folder {state} must be yours, and on a disk that can be written"
    )


def _without_terminal() -> int:
    """The terminal is gone, and with it whoever would read a complaint. As a shell says of SIGHUP: 128 + 1."""
    for stream in (sys.stdout, sys.stderr):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return 129


def _crashed(cause: Exception) -> int:
    """An error nobody foresaw: one line for the person, the traceback into a file for us."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="saleproof-crash-", suffix=".txt", delete=False) as file:
        file.write(masked(traceback.format_exc()))
    what = masked(f"{type(cause).__name__}: {cause}")
    print(f"saleproof: internal error: {what}. Details: {file.name}; please report it", file=sys.stderr)  # noqa: T201
    return SaleproofError.exit_code
