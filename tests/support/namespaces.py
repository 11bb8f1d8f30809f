"""Commands in namespaces of their own: mounts, processes and networks that nobody else sees.

Root makes them directly. Another user makes a user namespace first, in which they are allowed, and keeps
the capabilities that this gives only until the command starts.
"""

from __future__ import annotations

import os
import subprocess

_DEADLINE_S = 30.0
_IS_ROOT = os.geteuid() == 0
_DROP = [] if _IS_ROOT else ["setpriv", "--inh-caps=-all", "--ambient-caps=-all", "--"]

UNSHARE = ["unshare"] if _IS_ROOT else ["unshare", "--user", "--map-current-user", "--keep-caps"]
NSENTER = ["nsenter"] if _IS_ROOT else ["nsenter", "--preserve-credentials"]


def may_unshare(*kinds: str) -> bool:
    """Whether this user may make namespaces of these kinds: options of unshare(1)."""
    command = [*UNSHARE, *kinds, "--", *_DROP, "true"]
    return subprocess.run(command, check=False, capture_output=True, timeout=_DEADLINE_S).returncode == 0


def with_mounts(commands: str) -> list[str]:
    """Words in front of a command, for which lines of shell make some mounts."""
    return [*UNSHARE, "--mount", "sh", "-ec", f'{commands}\nexec "$@"', "sh", *_DROP]


def with_processes() -> list[str]:
    """Words in front of a command that is the first process of its namespace; /proc stays as it was."""
    return [*UNSHARE, "--pid", "--fork", "--kill-child", "--", *_DROP]


def with_processes_and_proc() -> list[str]:
    """The same with the /proc of that namespace."""
    return [*UNSHARE, "--pid", "--fork", "--kill-child", "--mount-proc", "--", *_DROP]
