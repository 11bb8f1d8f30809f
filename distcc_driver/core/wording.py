"""Sentences about hosts and plans that builds and the commands for people share. Pure."""

from __future__ import annotations

from .errors import Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .balance import Limit, Plan
    from .facts import Rejection, Worker
    from .hostspec import BadEntry
    from .settings import Settings

NAMED_HOSTS = 8


def bad_entry_line(entry: BadEntry) -> str:
    """The line about an entry of the host list that is not a host."""
    return f"DISTCC_AUTO_HOSTS: {bad_entry_cause(entry)}; skipped"


def bad_entry_cause(entry: BadEntry) -> str:
    """Which entry of the host list is not a host, and why."""
    return f"entry {entry.position} {entry.text!r}, character {entry.column}: {entry.reason}"


def memory_cause(worker: Worker, settings: Settings) -> str:
    """Why a worker that answered gets no job."""
    return (
        f"{worker.stats.free_memory_mib} MiB free are too little for one compiler "
        f"of DISTCC_AUTO_COMPILER_MEMORY={settings.compiler_memory_mib} MiB"
    )


def rejection_lines(rejections: Sequence[Rejection]) -> list[str]:
    """One line for each cause, with all its hosts. In a shared line, `HOST` stands for the name of each."""
    if len({host.text for host, *_ in rejections}) < 2:
        return [f"{one.host.text}: {one.cause}; {one.advice}" for one in rejections]
    groups: dict[tuple[str, str], list[Rejection]] = {}
    for rejection in rejections:
        host = rejection.host
        key = (_without_name(rejection.cause, host.name), _without_name(rejection.advice, host.name))
        groups.setdefault(key, []).append(rejection)
    lines = []
    for (cause, advice), group in groups.items():
        if len(group) == 1:
            cause, advice = group[0].cause, group[0].advice
        lines.append(f"{enumerated([rejection.host.text for rejection in group])}: {cause}; {advice}")
    return lines


def _without_name(text: str, name: str) -> str:
    """The text with `HOST` in place of the host's name, or of the name after `user@` in a message of ssh."""
    words = []
    for word in text.split(" "):
        user, at, host = word.strip("():;,.").rpartition("@")
        own = host if at and user and host else name
        words.append("HOST".join(word.rsplit(own, 1)) if host == own else word)
    return " ".join(words)


def enumerated(names: Sequence[str]) -> str:
    """The first names, and the number of the others."""
    more = len(names) - NAMED_HOSTS
    return ", ".join(names[:NAMED_HOSTS]) + (f" and {more} more" if more > 0 else "")


def describe(worker: Worker) -> str:
    """What a worker says about itself."""
    stats = worker.stats
    load = "unknown" if stats.load is None else f"{stats.load:.2f}"
    memory = "unknown" if stats.free_memory_mib is None else f"{stats.free_memory_mib} MiB"
    return f"{stats.slots} slots, mean load {load}, free memory {memory}"


def summarise(plan: Plan) -> str:
    """The job count and its parts, as in `-j 26 = 24 remote (a: 16, b: 8) + 2 preprocessing`."""
    parts = []
    if plan.shares:
        named = [f"{share.worker.endpoint.host.text}: {share.jobs}" for share in plan.shares[:NAMED_HOSTS]]
        if len(plan.shares) > NAMED_HOSTS:
            named.append(f"{len(plan.shares) - NAMED_HOSTS} more")
        parts.append(f"{plan.remote_jobs} remote ({', '.join(named)})")
    if plan.local_jobs:
        parts.append(f"{plan.local_jobs} local")
    if plan.saturation_jobs:
        parts.append(f"{plan.saturation_jobs} preprocessing")
    return f"-j {plan.wanted_jobs} = {' + '.join(parts)}"


def limit_message(plan: Plan, limit: Limit) -> Message:
    """How the limit of a plan changes its job count, and why."""
    return Message(f"{summarise(plan)}, cut to {limit.jobs}", limit.cause, limit.advice)
