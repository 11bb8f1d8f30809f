"""Reads the `DISTCC_AUTO_*` variables into `Settings`. Only this module reads them."""

from __future__ import annotations

from .errors import ConfigError, Message
from .hostspec import BadEntry, SshHost, TcpHost, parse_list
from .record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "DISTCC_AUTO_"
LEVELS = ("debug", "info", "warning", "error")

_KNOWN = (
    "DISTCC_AUTO_HOSTS",
    "DISTCC_AUTO_COMPILER_MEMORY",
    "DISTCC_AUTO_EARLY_LOCAL_JOBS",
    "DISTCC_AUTO_FALLBACK_LOCAL_JOBS",
    "DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS",
    "DISTCC_AUTO_CONNECT_TIMEOUT",
    "DISTCC_AUTO_LOG_LEVEL",
    "DISTCC_AUTO_WAIT_FOR",
    "DISTCC_AUTO_WAIT_TIMEOUT",
)
_DEFAULT_COMPILER_MEMORY_MIB = 1024
DEFAULT_CONNECT_TIMEOUT_S = 2.0
_DIGITS = frozenset("0123456789")
_MAX_DIGITS = 9


class Settings(Record):
    """What the user asked for. None means that the default depends on this machine or its workers.

    `pause_is_set` tells whether the user chose a `DISTCC_PAUSE_TIME_MSEC`. The build must not see the
    variables `own_names`. `backoff_warning` matters only to a build with workers.
    """

    hosts: list[TcpHost | SshHost]
    bad_entries: list[BadEntry]
    compiler_memory_mib: int
    early_local_jobs: int
    fallback_local_jobs: int | None
    saturation_jobs: int | None
    connect_timeout_s: float | None
    log_level: str
    pause_is_set: bool
    own_names: list[str]
    backoff_warning: Message | None = None
    wait_for: int = 0
    wait_timeout_s: float = 0.0

    @property
    def tcp_hosts(self) -> list[TcpHost]:
        """The hosts that this machine reaches directly."""
        return [host for host in self.hosts if isinstance(host, TcpHost)]

    @property
    def ssh_hosts(self) -> list[SshHost]:
        """The hosts that need tunnels."""
        return [host for host in self.hosts if isinstance(host, SshHost)]


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read and check every variable.

    Raises `ConfigError` for the first variable that has a wrong value.
    """
    log_level = read_log_level(environ)
    compiler_memory_mib = read_compiler_memory(environ)
    hosts, bad_entries = _hosts(environ)
    return Settings(
        hosts=hosts,
        bad_entries=bad_entries,
        compiler_memory_mib=compiler_memory_mib,
        early_local_jobs=_whole_number(environ, "DISTCC_AUTO_EARLY_LOCAL_JOBS") or 0,
        fallback_local_jobs=_whole_number(environ, "DISTCC_AUTO_FALLBACK_LOCAL_JOBS"),
        saturation_jobs=_whole_number(environ, "DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS"),
        connect_timeout_s=_seconds(environ, "DISTCC_AUTO_CONNECT_TIMEOUT"),
        log_level=log_level,
        pause_is_set=bool(environ.get("DISTCC_PAUSE_TIME_MSEC")),
        own_names=[name for name in environ if name.startswith((PREFIX, "DISTCC_DRIVER_"))],
        backoff_warning=_backoff_warning(environ),
        wait_for=_whole_number(environ, "DISTCC_AUTO_WAIT_FOR") or 0,
        wait_timeout_s=_seconds(environ, "DISTCC_AUTO_WAIT_TIMEOUT", may_be_zero=True) or 0.0,
    )


def read_compiler_memory(environ: Mapping[str, str]) -> int:
    """How many MiB a compiler is expected to use; 0 sets no limit. Raises `ConfigError`."""
    memory_mib = _whole_number(environ, "DISTCC_AUTO_COMPILER_MEMORY")
    return _DEFAULT_COMPILER_MEMORY_MIB if memory_mib is None else memory_mib


def read_log_level(environ: Mapping[str, str]) -> str:
    """One of `LEVELS`. Raises `ConfigError` if the variable has another value."""
    name = "DISTCC_AUTO_LOG_LEVEL"
    level = environ.get(name, "").strip() or "info"
    if level not in LEVELS:
        raise ConfigError(name, f"{level!r} is not a level", "use debug, info, warning or error")
    return level


def _hosts(environ: Mapping[str, str]) -> tuple[list[TcpHost | SshHost], list[BadEntry]]:
    text = environ.get("DISTCC_AUTO_HOSTS", "")
    if not text.strip():
        raise ConfigError(
            "DISTCC_AUTO_HOSTS",
            "not set or blank",
            "name your workers, as in: export DISTCC_AUTO_HOSTS='worker-1 worker-2:3632'",
        )
    return parse_list(text)


def _whole_number(environ: Mapping[str, str], name: str) -> int | None:
    """The value of a variable, None if it is not set or is empty. Raises `ConfigError`."""
    text = environ.get(name, "").strip()
    if not text:
        return None
    if not _DIGITS.issuperset(text) or len(text.lstrip("0")) > _MAX_DIGITS:
        raise ConfigError(name, f"{text!r} is not a whole number", f"use one from 0 to {'9' * _MAX_DIGITS}")
    return int(text.lstrip("0") or "0")  # int() refuses more than 4300 digits, also zeros


def _seconds(environ: Mapping[str, str], name: str, *, may_be_zero: bool = False) -> float | None:
    """The value of a variable; None if it is not set or empty."""
    text = environ.get(name, "").strip()
    if not text:
        return None
    whole, _, fraction = text.partition(".")
    is_number = _DIGITS.issuperset(whole + fraction) and whole + fraction and len(whole) <= _MAX_DIGITS
    if not is_number or (float(text) <= 0 and not may_be_zero):
        least = "from 0" if may_be_zero else "above 0"
        raise ConfigError(
            name, f"{text!r} is not a time", f"use a number of seconds {least}, such as 2 or 0.5"
        )
    return float(text)


def _backoff_warning(environ: Mapping[str, str]) -> Message | None:
    """A warning if atoi(3) reads 0 or less: distcc 3.4 never avoids a worker then (`src/backoff.c`)."""
    text = environ.get("DISTCC_BACKOFF_PERIOD")
    if text is None:
        return None
    digits = text.strip().removeprefix("+").lstrip("0")[:1]
    if digits and digits in "123456789":
        return None
    return Message(
        "DISTCC_BACKOFF_PERIOD",
        f"{text!r} makes distcc try a worker that dies during the build for ever",
        "unset it, or set a whole number of seconds above 0",
    )


def check_hosts(settings: Settings) -> None:
    """Raise `ConfigError` if no entry of the host list is a host."""
    if not settings.hosts:
        raise ConfigError(
            "DISTCC_AUTO_HOSTS", "no valid entry", "write HOST[:PORT[:STATS_PORT]] or ssh://HOST"
        )


def wait_warning(settings: Settings) -> Message | None:
    """What is wrong with the variables that say how to wait for workers."""
    count, hosts = settings.wait_for, len(settings.hosts)
    if bool(count) != bool(settings.wait_timeout_s):
        names = ["DISTCC_AUTO_WAIT_FOR", "DISTCC_AUTO_WAIT_TIMEOUT"]
        given, missing = names if count else reversed(names)
        return Message(given, f"no effect without {missing}", f"set {missing}, too")
    if count > hosts:
        return Message(
            "DISTCC_AUTO_WAIT_FOR",
            f"{count} is more than the entries of DISTCC_AUTO_HOSTS",
            f"{hosts} will do",
        )
    return None


def read_warnings(environ: Mapping[str, str]) -> list[Message]:
    """Warnings about variables that have no effect on a build."""
    warnings = read_unknown(environ)
    if environ.get("DISTCC_HOSTS"):
        cause = "ignored and replaced for this build"
        return [Message("DISTCC_HOSTS", cause, "DISTCC_AUTO_HOSTS names the workers"), *warnings]
    return warnings


def read_unknown(environ: Mapping[str, str]) -> list[Message]:
    """Warnings about `DISTCC_AUTO_` variables that do not exist."""
    names = sorted(name for name in environ if name.startswith(PREFIX) and name not in _KNOWN)
    return [Message(name, "no such variable, ignored", f"did you mean {_nearest(name)}?") for name in names]


def _nearest(name: str) -> str:
    from difflib import get_close_matches  # takes 6 ms, so only for a misspelled name

    return get_close_matches(name.upper(), _KNOWN, n=1, cutoff=0.0)[0]
