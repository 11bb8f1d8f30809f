"""`Plan` to the text that `distcc_build` evaluates, in bash and in zsh. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .balance import Plan
    from .settings import Settings

_NAME_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz0123456789")
_NOTHING = "\\builtin \\:"


def shell_code(plan: Plan, settings: Settings, end_command: str = "") -> str:
    """Lines that unset what the build must not see, export what it must, and set the job count.

    The job count comes last and only if all else worked: a variable may be read-only.
    `end_command` is what `distcc_build` runs when the build has ended, empty if nothing.
    """
    exports = {"DISTCC_HOSTS": distcc_hosts(plan), "CCACHE_PREFIX": "distcc"}
    if not settings.pause_is_set:
        exports["DISTCC_PAUSE_TIME_MSEC"] = str(plan.pause_ms)
    # The names come from the environment, where anything goes; a shell knows only such variables.
    own_names = [name for name in settings.own_names if _NAME_CHARACTERS.issuperset(name)]
    # Backslashes keep aliases away. In bash, each layer of `NAME=value function` hides another.
    lines = [f"\\builtin \\unset {name} {name} {name}" for name in own_names]
    lines += [f"\\builtin \\export {name}={quote(value)}" for name, value in exports.items()]
    lines.append(f"__distcc_end={quote(end_command or _NOTHING)}")
    lines.append(f"__distcc_jobs={plan.jobs}")
    return " &&\n".join(lines) + "\n"


def release_command(python: str, session_path: str) -> str:
    """What closes a session, run by the interpreter `python`."""
    return " ".join(["__distcc_release", quote(python), quote(session_path)])


def distcc_hosts(plan: Plan) -> str:
    """The value of `DISTCC_HOSTS` (distcc(1), "HOST SPECIFICATIONS")."""
    words = []
    if plan.local_jobs:
        words += [f"localhost/{plan.local_jobs}", f"--localslots={plan.local_jobs}"]
    if plan.saturation_jobs:
        words.append(f"--localslots_cpp={plan.saturation_jobs}")
    words += [share.entry for share in plan.shares]
    return " ".join(words)


def quote(text: str) -> str:
    """One shell word. `shlex.quote` does the same, but imports `re` (5 ms) for it."""
    return "'" + text.replace("'", "'\"'\"'") + "'"
