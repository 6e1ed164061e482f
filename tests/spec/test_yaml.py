"""Reading YAML and JSON with marks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml as pyyaml

from chaos.errors import SpecError
from chaos.spec import files, jsontext
from chaos.spec import yaml as ours
from chaos.spec.marked import Node, flow, plain


@pytest.fixture(params=["c", "pure"])
def parse(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Both of PyYAML's parsers: which one there is depends on how it was installed."""
    loader = pyyaml.CSafeLoader if request.param == "c" else pyyaml.SafeLoader
    monkeypatch.setattr(ours, "LOADER", loader)
    return lambda text: ours.parse(text, "x.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"), ("yes", "yes"), ("No", "No"), ("off", "off"), ("1:30", "1:30"), ("017", 17), ("0o17", 15),
        ("0x1F", 31), ("1_000", "1_000"), ("2026-11-21", "2026-11-21"), ("99.9%", "99.9%"), ("1/3", "1/3"),
        ("true", True), ("False", False), ("~x", "~x"), ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5), ("-3", -3),
        ('"5"', "5"), ("'true'", "true"), ("=", "="), ("web -> db", "web -> db"), ("0b11", "0b11"), ("+1", 1),
    ],
)  # fmt: skip
def test_scalars_are_what_they_look_like(parse: Any, text: str, value: object) -> None:
    """YAML 1.2's core schema: no Norway problem, no sexagesimal numbers, no dates."""
    read = plain(parse(f"key: {text}"))["key"]
    assert read == value
    assert type(read) is type(value)


def test_nodes_know_their_places(parse: Any) -> None:
    """Lines and columns count from 1, for values and for keys."""
    root: Node = parse("a: 1\nb:\n  - x\n  - {c: 300ms}\n")
    node = root.find("b", 1, "c")
    assert (node.value, node.line, node.column) == ("300ms", 4, 9)
    assert root.find("b", 1).place_of("c").column == 6
    assert root.find("b", 7, "z").line == 3, "a path that ends nowhere is reported at its deepest part"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "duplicate key 'a'; it is on line 1 already"),
        ("a: {b: 1, b: 2}\n", 1, "duplicate key 'b'"),
        ("a: &x 1\nb: 2\n", 1, "anchors (&x) are refused"),
        ("a: [1]\nb: *x\n", 2, "aliases (*x) are refused"),
        ("a: !!python/object/apply:os.system [ls]\n", 1, "tags"),
        ("a: !x 1\n", 1, "tags (!x) are refused"),
        ("a: 1\n---\nb: 2\n", 2, "a second document"),
        ("<<: {a: 1}\n", 1, "merge keys"),
        ("? [a]\n: 1\n", 1, "a key must be a word"),
        ('"": 1\n', 1, "a key is missing"),
        ("a:\n\t- 1\n", 2, "a tab in the indentation; use spaces"),
        ("a: b: c\n", 1, "a value that contains ': ' needs quotes"),
        ("a: [1, 2\n", 2, "not YAML"),
        ("a: 'x\n", 2, "not YAML"),
        ("a: .inf\n", 1, ".inf is not a number that can be used"),
        ("a: .nan\n", 1, ".nan is not a number that can be used"),
        ("a: 1e999\n", 1, "too large"),
        ("a: " + "9" * 5000 + "\n", 1, "a number of 5000 digits is too long"),
        ("a: " + "[" * 100 + "]" * 100 + "\n", 1, "nested more than 40 deep"),
        ("a: %x\n", 1, "not YAML"),
    ],
)
def test_what_could_mean_two_things_is_refused(parse: Any, text: str, line: int, words: str) -> None:
    """Duplicates, anchors, aliases, tags, several documents and syntax errors are one error, with the line."""
    with pytest.raises(SpecError) as caught:
        parse(text)
    assert words in str(caught.value)
    # The two parsers may see the end of an unclosed bracket or quote on the line after.
    assert caught.value.line is not None
    assert abs(caught.value.line - line) <= ("not YAML" in words)


@pytest.mark.parametrize("text", ["", "   \n", "# only a comment\n", "null\n", "---\n"])
def test_an_empty_file_says_so(tmp_path: Path, text: str) -> None:
    """Nothing is not an experiment."""
    path = tmp_path / "empty.yaml"
    path.write_text(text)
    with pytest.raises(SpecError, match=r"empty\.yaml: the file is empty"):
        files.read(path)


def test_a_folder_is_named_as_one(tmp_path: Path) -> None:
    """A folder in place of a file is said to be one."""
    with pytest.raises(SpecError, match="this is a folder"):
        files.read(tmp_path)


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    """A typing error in a file's name is answered with the name that was meant."""
    (tmp_path / "checkout.yaml").write_text("a: 1")
    with pytest.raises(SpecError, match=r"there is no such file\. Did you mean .*checkout\.yaml"):
        files.read(tmp_path / "chekout.yaml")
    with pytest.raises(SpecError, match="there is no folder"):
        files.read(tmp_path / "none" / "x.yaml")


def test_bytes_that_are_not_text_name_the_line(tmp_path: Path) -> None:
    """Invalid UTF-8 and control characters are errors of the file, with the line."""
    path = tmp_path / "x.yaml"
    path.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(SpecError, match=r"x\.yaml:2: not UTF-8: byte 0xff"):
        files.read(path)
    path.write_bytes(b"a: 1\n\nb: \x07\n")
    with pytest.raises(SpecError, match=r"x\.yaml:3: a control character \(U\+0007\)"):
        files.read(path)


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    """What a Windows editor writes can be read, and its lines counted."""
    path = tmp_path / "x.yaml"
    path.write_bytes("\ufeffa: 1\r\nb: [x]\r\n".encode())
    root = files.read(path).root
    assert plain(root) == {"a": 1, "b": ["x"]}
    assert root.find("b").line == 2


def test_a_large_file_is_refused_without_reading_it_all(tmp_path: Path) -> None:
    """Over 1 MiB: refused, also when it never ends."""
    path = tmp_path / "x.yaml"
    path.write_text("a: 1\n" + "# filler\n" * 200_000)
    with pytest.raises(SpecError, match="larger than 1 MiB"):
        files.read(path)
    with pytest.raises(SpecError, match="larger than 1 MiB"):
        files.read("/dev/zero")


def test_an_unreadable_file_says_why() -> None:
    """What opens and cannot be read, for root too, is said with the system's own reason."""
    with pytest.raises(SpecError, match="/proc/self/mem: cannot be read: Input/output error"):
        files.read("/proc/self/mem")


def test_a_name_that_no_file_can_have_is_an_error_of_ours(tmp_path: Path) -> None:
    """A NUL or an endless name must not become a traceback."""
    for name in ("a\0b.yaml", "x" * 5000):
        with pytest.raises(SpecError, match="cannot be read"):
            files.read(tmp_path / name)


def test_json_comes_through_the_same_door(tmp_path: Path) -> None:
    """JSON with tabs, escapes and surrogate pairs, which YAML's parser would not read."""
    path = tmp_path / "x.json"
    path.write_text('{\n\t"a": [1, 2.5, true, null, "\\ud83d\\ude00 \\/"],\n\t"b": {"c": "300ms"}\n}')
    root = files.read(path).root
    assert plain(root) == {"a": [1, 2.5, True, None, "\U0001f600 /"], "b": {"c": "300ms"}}
    assert (root.find("b", "c").line, root.find("b", "c").column) == (3, 13)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('{"a": 1,\n "a": 2}', 2, "duplicate key 'a'; it is on line 1 already"),
        ('{"a": NaN}', 1, "expected a value, got 'NaN'"),
        ('{"a": 1,}', 1, "expected a key in double quotes"),
        ("{'a': 1}", 1, "expected a key in double quotes"),
        ('{"a"\n: 1\n', 3, "the end of the file"),
        ('{"a": 1} x', 1, "something follows"),
        ('{"a": "x\ny"}', 1, "Invalid control character"),
        ('{"a": "\\ud83d"}', 1, "half of a surrogate pair"),
        ('{"a": 1e999}', 1, "too large"),
        ("[" * 100 + "]" * 100, 1, "nested more than 40 deep"),
        ('{"": 1}', 1, "a key is empty"),
        ("null", None, "the file is empty"),
    ],
)
def test_bad_json_names_the_line(text: str, line: int | None, words: str) -> None:
    """The same rules as for YAML."""
    with pytest.raises(SpecError) as caught:
        jsontext.parse(text, "x.json")
    assert words in str(caught.value)
    assert caught.value.line == line


def test_a_node_can_be_written_on_one_line() -> None:
    """A fault is quoted as a person would write it, whatever the file's layout is."""
    root = ours.parse("link: web -> db\ndelay:   300ms\nto: [a, 'b, c', 1]\nnone:\n", "x")
    assert flow(root) == '{link: web -> db, delay: 300ms, to: [a, "b, c", 1], none: null}'
