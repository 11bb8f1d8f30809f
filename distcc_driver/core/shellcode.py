"""`Plan` to the text that `distcc_build` evaluates, in bash and in zsh. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .balance import Plan, Share
    from .settings import Settings

_NAME_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz0123456789")
_NOTHING = "\\builtin \\:"


def shell_code(
    plan: Plan, settings: Settings, end_command: str = "", report: str = "", ccache_prefix: str = ""
) -> str:
    """Lines that unset what the build must not see, export what it must, and set the job count.

    The job count comes last and only if all else worked: a variable may be read-only.
    `end_command` is what `distcc_build` runs when the build has ended, `report` the words of what
    it tells before that where no signal has ended the build, `ccache_prefix` what ccache is to call;
    each is empty if there is nothing.
    """
    # The shell takes what is behind this word. Backslashes keep aliases away. In bash, each layer of
    # `NAME=value function` hides another.
    lines = ["\\builtin \\: __distcc_begin"]
    lines += [f"\\builtin \\unset {name} {name} {name}" for name in names_to_unset(settings)]
    exports = variables_to_set(plan, settings, ccache_prefix)
    lines += [f"\\builtin \\export {name}={quote(value)}" for name, value in exports.items()]
    lines.append(f"__distcc_end={quote(end_command or _NOTHING)}")
    lines.append(f"__distcc_words={quote(report)}")
    lines.append(f"__distcc_jobs={plan.jobs}")
    return " &&\n".join(lines) + "\n"


def variables_to_set(plan: Plan, settings: Settings, ccache_prefix: str) -> dict[str, str]:
    """What the build finds in its environment."""
    variables = {"DISTCC_HOSTS": distcc_hosts(plan)}
    if ccache_prefix:
        variables["CCACHE_PREFIX"] = ccache_prefix
    if not settings.pause_is_set:
        variables["DISTCC_PAUSE_TIME_MSEC"] = str(plan.pause_ms)
    return variables


def names_to_unset(settings: Settings) -> list[str]:
    """What the build must not see. An environment has any names; a shell knows only such variables."""
    return [name for name in settings.own_names if _NAME_CHARACTERS.issuperset(name)]


def release_command(python: str, session_path: str) -> str:
    """What closes a session, run by the interpreter `python`."""
    return " ".join(["__distcc_release", quote(python), quote(session_path)])


def report_words(python: str, plan: Plan, settings: Settings, now_s: float) -> str:
    """What `report` has to know, for it to be run by the interpreter `python`; "" if it had nothing to say.

    The build's environment has none of it any more, and a build over TCP leaves no file. One
    argument has at most 128 KiB, so each worker gets its own.
    """
    if not plan.shares or settings.log_level == "error":
        return ""
    words = [python, "report", str(now_s), settings.log_level, str(settings.connect_timeout_s)]
    return " ".join(map(quote, [*words, *map(_worker_word, plan.shares)]))


def _worker_word(share: Share) -> str:
    """The entry, where its stats port answered, its name in distcc's files, its counters: no blanks."""
    worker = share.worker
    endpoint, stats = worker.endpoint, worker.stats
    counters = ["-" if value is None else str(value) for value in stats.counters]
    key = f"{endpoint.address}_{endpoint.job_port}"
    return " ".join([endpoint.host.text, worker.address, str(endpoint.stats_port), key, *counters])


def distcc_hosts(plan: Plan) -> str:
    """The value of `DISTCC_HOSTS` (distcc(1), "HOST SPECIFICATIONS")."""
    local = f"localhost/{plan.local_jobs} --localslots={plan.local_jobs}" if plan.local_jobs else ""
    preprocessing = f"--localslots_cpp={plan.saturation_jobs}" if plan.saturation_jobs else ""
    return " ".join(filter(None, [local, preprocessing, *(share.entry for share in plan.shares)]))


def quote(text: str) -> str:
    """One shell word. `shlex.quote` does the same, but imports `re` (5 ms) for it."""
    return "'" + text.replace("'", "'\"'\"'") + "'"
