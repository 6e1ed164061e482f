"""No shell, and nothing that runs what it reads: by the syntax trees of all that ships."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(path for package in ("chaos", "targets") for path in (ROOT / package).rglob("*.py"))
# Builtins and functions that hand text to a shell or to an interpreter, or that build objects out of what they read.
NEVER = {
    "eval", "exec", "os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "pickle.load",
    "pickle.loads", "marshal.loads", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "shutil.unpack_archive",
    "asyncio.create_subprocess_shell", "create_subprocess_shell", "tempfile.mktemp",
}  # fmt: skip
SHELLS = {"sh", "bash", "/bin/sh", "/bin/bash", "zsh", "dash"}


def name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{name(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_given_to_a_shell_or_an_interpreter(path: Path) -> None:
    """A file's values become arguments of programs, never a line that somebody parses again."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        assert name(node.func) not in NEVER, f"{path}:{node.lineno}: {name(node.func)}"
        for keyword in node.keywords:
            given = isinstance(keyword.value, ast.Constant) and keyword.value.value is not True
            assert keyword.arg != "shell" or given or name(node.func) == "shtab.complete", f"{path}:{node.lineno}"
        for argument in node.args:
            first = argument.elts[0] if isinstance(argument, ast.List | ast.Tuple) and argument.elts else None
            if isinstance(first, ast.Constant) and "subprocess" in name(node.func):
                assert first.value not in SHELLS, f"{path}:{node.lineno}: a shell"
