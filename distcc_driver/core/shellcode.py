"""Writes a plan as the text that `distcc_build` evaluates in bash and zsh. Pure."""

from __future__ import annotations

from .settings import DEFAULT_CONNECT_TIMEOUT_S

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .balance import Plan, Share
    from .settings import Settings

_NAME_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz0123456789")
_NOTHING = "\\builtin \\:"


def shell_code(
    plan: Plan, settings: Settings, end_command: str = "", report: str = "", ccache_prefix: str = ""
) -> str:
    """Lines that unset what the build must not see, export what it needs, and set the job count.

    Each line runs only if the one before it succeeded, for a variable may be read-only. So the job count,
    which comes last, is set only if all lines succeeded.
    `distcc_build` runs `end_command` when the build has ended. Before that it runs Python with the words
    `report`, unless a signal has ended the build. `ccache_prefix` is the program that ccache is to call.
    Each of the three is "" if there is nothing to do.
    """
    # The shell evaluates only the text after `__distcc_begin`. The backslashes switch aliases off.
    # In bash, `NAME=value distcc_build` hides an exported NAME: a single `unset` would only uncover that.
    lines = ["\\builtin \\: __distcc_begin"]
    lines += [f"\\builtin \\unset {name} {name} {name}" for name in names_to_unset(settings)]
    exports = variables_to_set(plan, settings, ccache_prefix)
    lines += [f"\\builtin \\export {name}={quote(value)}" for name, value in exports.items()]
    lines.append(f"__distcc_end={quote(end_command or _NOTHING)}")
    lines.append(f"__distcc_words={quote(report)}")
    lines.append(f"__distcc_jobs={plan.jobs}")
    return " &&\n".join(lines) + "\n"


def variables_to_set(plan: Plan, settings: Settings, ccache_prefix: str) -> dict[str, str]:
    """The variables that are exported for the build."""
    variables = {"DISTCC_HOSTS": distcc_hosts(plan)}
    if ccache_prefix:
        variables["CCACHE_PREFIX"] = ccache_prefix
    if not settings.pause_is_set:
        variables["DISTCC_PAUSE_TIME_MSEC"] = str(plan.pause_ms)
    return variables


def names_to_unset(settings: Settings) -> list[str]:
    """The variables that are unset for the build. A shell cannot unset other names of an environment."""
    return [name for name in settings.own_names if _NAME_CHARACTERS.issuperset(name)]


def release_command(python: str, session_path: str) -> str:
    """The command that closes a session by means of the interpreter `python`."""
    return " ".join(["__distcc_release", quote(python), quote(session_path)])


def report_words(python: str, plan: Plan, settings: Settings, now_s: float) -> str:
    """The interpreter `python` and the arguments of `report`; "" if the report would say nothing.

    All facts that the report needs are arguments: the build's environment lacks them, and a build over TCP
    has no file for them. One argument may have at most 128 KiB, so each worker has its own.
    """
    if not plan.shares or settings.log_level == "error":
        return ""
    timeout_s = settings.connect_timeout_s or DEFAULT_CONNECT_TIMEOUT_S
    words = [python, "report", str(now_s), settings.log_level, str(timeout_s)]
    return " ".join(map(quote, [*words, *map(_worker_word, plan.shares)]))


def _worker_word(share: Share) -> str:
    """A worker's entry, address, stats port, key in the names of distcc's files, and counters."""
    worker = share.worker
    endpoint, stats = worker.endpoint, worker.stats
    counters = ["-" if value is None else str(value) for value in stats.counters]
    key = f"{endpoint.address}_{endpoint.job_port}"
    return " ".join([endpoint.host.text, worker.address, str(endpoint.stats_port), key, *counters])


def distcc_hosts(plan: Plan) -> str:
    """The value of `DISTCC_HOSTS` (distcc(1), "HOST SPECIFICATIONS")."""
    local = f"localhost/{plan.local_jobs}" if plan.local_jobs else ""
    slots = f"--localslots={plan.local_slots}"
    preprocessing = f"--localslots_cpp={plan.saturation_jobs}" if plan.saturation_jobs else ""
    return " ".join(filter(None, [local, slots, preprocessing, *(share.entry for share in plan.shares)]))


def quote(text: str) -> str:
    """The text as one shell word. `shlex.quote` does the same, but imports `re`, which takes 5 ms."""
    return "'" + text.replace("'", "'\"'\"'") + "'"
