"""Runs commands in new namespaces, whose mounts, processes and networks no other program sees.

Root makes such namespaces directly. Another user first makes a user namespace, in which the others are
allowed, and loses the capabilities of it when the command starts.
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
    """Whether this user may make namespaces; the words are options of unshare(1), such as `--mount`."""
    command = [*UNSHARE, *kinds, "--", *_DROP, "true"]
    return subprocess.run(command, check=False, capture_output=True, timeout=_DEADLINE_S).returncode == 0


def with_mounts(commands: str) -> list[str]:
    """Words to put in front of a command. The command gets its own mounts, which lines of shell make."""
    return [*UNSHARE, "--mount", "sh", "-ec", f'{commands}\nexec "$@"', "sh", *_DROP]


def with_processes() -> list[str]:
    """Words to put in front of a command.

    It is the first process of a namespace, but /proc is the old one.
    """
    return [*UNSHARE, "--pid", "--fork", "--kill-child", "--", *_DROP]


def with_processes_and_proc() -> list[str]:
    """Words like those of `with_processes`, with a /proc that belongs to the new namespace."""
    return [*UNSHARE, "--pid", "--fork", "--kill-child", "--mount-proc", "--", *_DROP]
