"""The image of our own containers: a small Linux with Python, nftables, iproute2 and socat, and this very package.

It is built on the engine that needs it, once for each version of the code, from a public base. Where no registry can
be reached, `SALEPROOF_AGENT_BASE` names another base, or `compose/offline/build` has made one.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import time
from functools import cache
from pathlib import Path

import chaos
from chaos.errors import Unavailable
from chaos.platforms.compose.engine import Engine

BASE_VARIABLE = "SALEPROOF_AGENT_BASE"
PUBLIC_BASE = "python:3.12-slim-bookworm"
OFFLINE_BASE = "saleproof-offline/agent-base:1"  # what compose/offline/build makes
REPOSITORY = "saleproof-agent"
BUILD_WITHIN_S = 600.0
OTHERS_KEPT_S = 3600.0

# What the base lacks is installed; the offline base has all of it. Only names of packages, nothing of this machine.
DOCKERFILE = """\
ARG BASE
FROM ${BASE}
RUN command -v nft && command -v tc && command -v socat && command -v nsenter \\
 || (apt-get update && apt-get install -y --no-install-recommends nftables iproute2 socat util-linux \\
     && rm -rf /var/lib/apt/lists/*)
RUN python3 -c 'import msgspec, docker, requests, toxiproxy, aiohttp' \\
 || pip install --no-cache-dir 'msgspec>=0.19' 'docker>=7.2' 'requests>=2.32' 'toxiproxy-python>=0.1.1' \\
    'aiohttp>=3.10' 'uvloop>=0.21'
ENV PYTHONPATH=/opt/saleproof PYTHONDONTWRITEBYTECODE=1
COPY chaos /opt/saleproof/chaos
RUN python3 -m compileall -q /opt/saleproof/chaos
ENTRYPOINT []
CMD ["python3", "-m", "chaos.agent", "keep"]
"""


@cache
def sources() -> tuple[tuple[str, bytes], ...]:
    """Every file of the package, by its path inside the image."""
    root = Path(chaos.__file__).parent
    return tuple((f"chaos/{path.relative_to(root)}", path.read_bytes()) for path in sorted(root.rglob("*.py")))


@cache
def tag() -> str:
    """Another one for every change of the code, so that no old agent serves a new runner."""
    digest = hashlib.sha256(DOCKERFILE.encode())
    for name, content in sources():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return f"{REPOSITORY}:{digest.hexdigest()[:12]}"


def is_there(engine: Engine, name: str = "") -> bool:
    """Does the engine have our image, or that one? Raises: Unavailable."""
    from docker.errors import ImageNotFound

    with engine.calling("look for an image") as client:
        try:
            client.api.inspect_image(name or tag())
        except ImageNotFound:
            return False
    return True


def ensure(engine: Engine) -> str:
    """The image's tag, built here when the engine does not have it. Raises: Unavailable."""
    if not is_there(engine):
        _build(engine, _base(engine))
        _remove_others(engine)
    return tag()


def _base(engine: Engine) -> str:
    named = os.environ.get(BASE_VARIABLE)
    return named or (OFFLINE_BASE if is_there(engine, OFFLINE_BASE) else PUBLIC_BASE)


def _build(engine: Engine, base: str) -> None:
    from docker.errors import APIError, BuildError

    with engine.calling("build Saleproof's agent image") as client:
        try:
            client.images.build(
                fileobj=_context(), custom_context=True, encoding="gzip", tag=tag(), buildargs={"BASE": base}, rm=True,
                forcerm=True, timeout=BUILD_WITHIN_S,
            )  # fmt: skip
        except (BuildError, APIError) as cause:
            said = str(cause).strip().splitlines()[-1] if str(cause).strip() else type(cause).__name__
            raise Unavailable(
                f"Saleproof's agent image cannot be built from {base} on {engine.endpoint}: {said}. Where no registry "
                f"can be reached: compose/offline/build, or name another base with {BASE_VARIABLE}"
            ) from cause


def _context() -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        for name, content in (("Dockerfile", DOCKERFILE.encode()), *sources()):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    buffer.seek(0)
    return buffer


def _remove_others(engine: Engine) -> None:
    """Those of other versions, unless a container still uses one, or somebody has just made it for another checkout."""
    from docker.errors import APIError

    with engine.calling("list images") as client:
        old = time.time() - OTHERS_KEPT_S
        for image in (one for one in client.api.images(name=REPOSITORY) if one["Created"] < old):
            for other in image.get("RepoTags") or ():
                if other != tag():
                    try:
                        client.api.remove_image(other)
                    except APIError:
                        continue
