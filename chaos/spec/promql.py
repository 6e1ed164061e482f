"""What a target file says of a Prometheus server and asks it: secrets by name alone, raw counters, variables that have
a value."""

from __future__ import annotations

import re

from chaos.model.prometheus import PrometheusServer
from chaos.model.promql import BUILT_IN, VALUE, VARIABLE, is_selector, variables
from chaos.model.sli import Source
from chaos.model.target import Target
from chaos.spec import condition
from chaos.spec.convert import unknown
from chaos.spec.marked import Key, Node
from chaos.spec.problems import Problems
from chaos.spec.target_file import PromqlPart

_FROM_ENVIRONMENT = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_NAME = re.compile(condition.NAME)
# A guard that waits for longer is none.
TIMEOUT_MAX_S = 60
# Raw counters of these are taken apart here, so nothing may have been done to them.
_WHY_RAW = "the differences over a window are taken here, series by series, with their resets"


def check_shape(part: PromqlPart, root: Node, path: tuple[Key, ...], problems: Problems) -> None:
    """One form, whole."""
    forms = [word for word in ("good", "total", "histogram", "gauge") if getattr(part, word) is not None]
    if forms not in (["good", "total"], ["histogram"], ["gauge"]):
        got = " and ".join(forms) or "none of them"
        problems.at(root, path, f"needs good and total, or histogram, or gauge; got {got}")
    if part.every is not None and part.gauge is None:
        problems.at(root, (*path, "every"), "belongs to a gauge; counters are read at every scrape")


def check(target: Target, root: Node, problems: Problems) -> None:
    """The server, and every query that it will be asked."""
    server = target.prometheus
    if server is not None:
        _server(server, root, problems)
    known = [*BUILT_IN, *(server.variables if server is not None else ())]
    for name, sli in target.slis.items():
        if sli.source is not Source.PROMQL:
            continue
        base: tuple[Key, ...] = ("slis", name, "promql")
        if sli.service is not None and sli.service not in target.services:
            problems.at(root, (*base, "service"), unknown("service", sli.service, tuple(target.services)))
        words = [*known, *(("service",) if sli.service is not None else ())]
        for key in ("good", "total", "histogram", "gauge"):
            _query(getattr(sli, key), key, words, root, (*base, key), problems)


def _query(
    query: str | None, key: str, known: list[str], root: Node, path: tuple[Key, ...], problems: Problems
) -> None:
    if query is None:
        return
    for word in variables(query):
        if word not in known:
            also = "; say `service: NAME` beside the query" if word == "service" else ""
            problems.at(root, path, f"{unknown('variable', word, known)}{also}")
    # A variable stands inside quotes, or is a name: a letter does for either.
    plain = VARIABLE.sub("x", query)
    if not query.strip():
        problems.at(root, path, "is empty")
    elif key != "gauge" and not is_selector(plain):
        example = "http_request_duration_seconds" if key == "histogram" else 'http_requests_total{code!~"5.."}'
        problems.at(root, path, f"{query!r} is not a selector such as {example}: {_WHY_RAW}")
    elif key == "histogram" and (plain.strip().startswith("{") or plain.split("{")[0].strip().endswith("_bucket")):
        problems.at(root, path, "begins with the histogram's name, without _bucket")


def _server(server: PrometheusServer, root: Node, problems: Problems) -> None:
    base: tuple[Key, ...] = ("prometheus",)
    for key in ("password", "token"):
        value = getattr(server, key)
        if value and not _FROM_ENVIRONMENT.fullmatch(value):
            message = f"is never written here: say ${{NAME}} for an environment variable, or use {key}-file"
            problems.at(root, (*base, key), message)
        if value and getattr(server, f"{key}_file"):
            problems.at(root, (*base, f"{key}-file"), f"there is a {key} already; one of the two")
    password, token = server.password or server.password_file, server.token or server.token_file
    if bool(server.username) != bool(password):
        problems.at(root, base, "username and password (or password-file) belong together")
    if token and server.username:
        problems.at(root, base, "has both a user and a token; one of the two")
    if server.key and not server.cert:
        problems.at(root, (*base, "key"), "is the key of a cert, and there is none")
    if not 0 < server.timeout <= TIMEOUT_MAX_S:
        problems.at(root, (*base, "timeout"), f"must be more than 0s and at most {TIMEOUT_MAX_S}s")
    if server.insecure and server.ca:
        problems.at(root, (*base, "insecure"), "with a ca there is nothing to be insecure about; one of the two")
    if server.insecure and (password or token):
        problems.at(root, (*base, "insecure"), "credentials would go to whoever answers; name the certificate as ca")
    address = _FROM_ENVIRONMENT.sub("x", server.url)
    if address != "x" and not re.match(r"(https?://|x)[^@]*$", address):
        message = "begins with http:// or https://, and holds no user or password (they have keys of their own)"
        problems.at(root, (*base, "url"), message)
    for name, value in server.variables.items():
        if not _NAME.fullmatch(name) or name in (*BUILT_IN, "service"):
            taken = "is filled in by itself" if name in (*BUILT_IN, "service") else "cannot be a name here"
            problems.report(root.find(*base, "variables").place_of(name), "prometheus.variables", f"'{name}' {taken}")
        if not VALUE.fullmatch(value):
            problems.at(root, (*base, "variables", name), "goes into a quoted string: no quotes, braces or backslashes")
