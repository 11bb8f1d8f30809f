"""The parts of a DISTCC_HOSTS that distcc-driver makes."""

from __future__ import annotations


def workers_of(distcc_hosts: str) -> str:
    """The workers' entries, without the words about this machine."""
    return " ".join(
        word for word in distcc_hosts.split() if not word.startswith(("--localslots", "localhost/"))
    )
