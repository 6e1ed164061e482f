"""PostgreSQL refuses to run as root. When we are root: how to run it as somebody else, in a folder nobody may enter."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

# In a user namespace of its own the server believes that it is user 1000, while its files stay root's.
NAMESPACE = ["unshare", "--user", "--map-user=1000"]

# Where namespaces are forbidden (Docker's default seccomp profile): the user `nobody`, who keeps only the capability
# to pass closed folders. PostgreSQL asks for the user id and not for capabilities.
NOBODY = 65534
CAPABLE = [
    "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
    "--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override", "--",
]  # fmt: skip


@cache
def _works(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0


def unprivileged(folder: Path) -> list[str]:
    """The words to put before a PostgreSQL command that works in `folder`; none for an ordinary user.

    Where `nobody` runs it, hands `folder` over to `nobody`. Raises: SystemExit where no way works.
    """
    if os.geteuid() != 0:
        return []
    # A folder that is nobody's already was made by the second way, and stays with it.
    if folder.stat().st_uid != NOBODY and _works(*NAMESPACE):
        return list(NAMESPACE)
    if _works(*CAPABLE):
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        return list(CAPABLE)
    raise SystemExit(
        "PostgreSQL does not run as root, and neither `unshare --user` nor `setpriv` (util-linux) works here. "
        "Run this as an ordinary user."
    )
