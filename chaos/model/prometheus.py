"""A Prometheus server of the user's own: where it is, and how it is asked. What is secret is named, never held."""

from __future__ import annotations

from chaos.model.base import Noun
from chaos.units import Duration


class PrometheusServer(Noun):
    """The Prometheus server that scrapes the target. `${NAME}` in a value stands for an environment variable.

    It is looked up when the server is asked and never before: a plan and a record hold the name alone."""

    url: str = "${PROMETHEUS_URL}"  # its address, with the path in front of /api if there is one
    username: str = ""  # for basic authentication
    password: str = ""  # always `${NAME}`, never the password itself
    password_file: str = ""  # a file that holds it, instead
    token: str = ""  # a bearer token: always `${NAME}`
    token_file: str = ""  # a file that holds it, instead
    ca: str = ""  # a file with the certificates to trust, instead of the machine's
    cert: str = ""  # a file with the client's certificate
    key: str = ""  # a file with its key, where that is not in the same file
    insecure: bool = False  # believe any certificate: never where credentials are sent
    timeout: Duration = Duration(2)  # for one whole answer
    variables: dict[str, str] = {}  # for `{name}` in queries
