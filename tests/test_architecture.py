"""The shape of the code: imports make a star, the runner knows no shop, and the shop knows no runner."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LEAVES = {"errors", "masking", "units", "clock", "proc", "state", "model", "slo", "stats"}

# These wire the rest together.
EVERYTHING = {
    "calibration",
    "engine",
    "faults",
    "judge",
    "load",
    "planner",
    "platforms",
    "proxy",
    "report",
    "slis",
    "spec",
    "store",
}

# Stage -> the other stages that it may import, beyond the leaves. Whatever is not here may import leaves only.
ALLOWED: dict[str, set[str]] = {
    "faults": {
        "proxy",
        "platforms",
        "load",
    },  # they act through the proxy's client, a platform's control, the traffic's
    "platforms": {"proxy"},  # the embedded platform starts the fault proxy
    "agent": {"proxy", "faults"},  # it measures beside the target, and reverts there when a lease runs out
    "spec": {"faults"},  # the registry: the words of a method
    "planner": {"faults"},
    "engine": {"faults"},
    "calibration": {"faults", "judge"},  # its runs have a placebo, and are counted as the judge counts
    "preflight": EVERYTHING,
    "rehearsal": EVERYTHING | {"preflight"},
    "cli": EVERYTHING | {"rehearsal", "preflight"},
    "__main__": {"cli"},
}
# One more way in: the generated reference lists the command line.
EXCEPTIONS = {("spec/reference.py", "cli"), ("spec/reference.py", "engine")}


def imports(path: Path) -> set[str]:
    """Every dotted module that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where things come from"
            module = node.module or ""
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("path", files("chaos"), ids=lambda p: str(p.relative_to(ROOT)))
def test_stages_import_only_what_the_design_allows(path: Path) -> None:
    """errors, units, clock <- model <- everything else; stages do not import each other."""
    inside = path.relative_to(ROOT / "chaos")
    stage = inside.parts[0].removesuffix(".py")
    allowed = LEAVES | {stage} | ALLOWED.get(stage, set())
    for module in imports(path):
        assert not module.startswith("targets"), f"{inside} knows a shop: {module}"
        parts = module.split(".")
        if parts[0] != "chaos" or len(parts) < 2 or not _is_stage(parts[1]):
            continue
        if (str(inside), parts[1]) not in EXCEPTIONS:
            assert parts[1] in allowed, f"{inside} imports {module}"


def _is_stage(name: str) -> bool:
    return (ROOT / "chaos" / name).is_dir() or (ROOT / "chaos" / f"{name}.py").is_file()


@pytest.mark.parametrize("path", files("targets"), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_shop_knows_nothing_of_the_runner(path: Path) -> None:
    """`targets` never imports `chaos`."""
    assert not any(module.split(".")[0] == "chaos" for module in imports(path))


@pytest.mark.parametrize("path", files("chaos") + files("targets"), ids=lambda p: str(p.relative_to(ROOT)))
def test_every_module_says_what_it_is_for(path: Path) -> None:
    """The page of modules is made from these sentences."""
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_help_and_validate_load_nothing_heavy() -> None:
    """The two quick commands stay quick."""
    heavy = [
        "numpy",
        "scipy",
        "sqlalchemy",
        "aiohttp",
        "docker",
        "requests",
        "chaoslib",
        "rich",
        "psycopg",
        "jsonschema",
    ]
    for words in (["--help"], ["validate", "experiments/db-latency-spike.yaml"]):
        code = (
            "import sys\nfrom chaos.cli import main\n"
            f"code = main({words!r})\n"
            f"print('loaded', [m for m in {heavy!r} if m in sys.modules], code)"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "loaded [] 0", done.stdout + done.stderr
