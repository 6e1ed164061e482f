"""`saleproof completion`: shell completion."""

from __future__ import annotations

import argparse

from chaos.cli.common import out_raw

HELP = "print a shell completion script"
EXAMPLES = """\
  saleproof completion bash > ~/.local/share/bash-completion/completions/saleproof
  saleproof completion zsh > ~/.zfunc/_saleproof
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"))


def run(arguments: argparse.Namespace) -> int:
    import shtab

    from chaos.cli import parser

    out_raw(shtab.complete(parser(), shell=arguments.shell))
    return 0
