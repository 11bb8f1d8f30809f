"""Parses the reply of a distccd stats port into `WorkerStats`. Pure.

The page is made by `dcc_stats_process` in distcc's `src/stats.c`: `key value` lines between
`<distccstats>` and `</distccstats>`, cut off at 2048 bytes.
"""

from __future__ import annotations

from .errors import StatsError
from .record import Record

OPENING = b"<distccstats>"
CLOSING = b"</distccstats>"
MAX_SLOTS = 4096

_DIGITS = frozenset("0123456789")


class WorkerStats(Record):
    """What a worker says about itself. None means that the daemon does not say.

    `slots` is how many jobs it takes at once, `load` the mean of its three load averages,
    `free_space_mib` the room on the disk with the files of its jobs, `running` the number of all
    processes that run there now.

    The counters begin at the start of the daemon and count the jobs of all its clients: `compiled`,
    `failed` in the compiler, `refused` for overload, `disconnected` by their client, `timed_out` after
    the daemon's `--job-lifetime`, and `other` jobs that came to nothing. `accepted` counts connections.
    `longest_job_ms` is the time that the longest job took.
    """

    slots: int
    load: float | None = None
    free_memory_mib: int | None = None
    running: int | None = None
    compiled: int | None = None
    failed: int | None = None
    refused: int | None = None
    disconnected: int | None = None
    timed_out: int | None = None
    free_space_mib: int | None = None
    longest_job_ms: int | None = None
    accepted: int | None = None
    other: int | None = None

    @property
    def counters(self) -> tuple[int | None, ...]:
        """The counters of jobs: compiled, failed, refused, disconnected and timed out."""
        return self.compiled, self.failed, self.refused, self.disconnected, self.timed_out


def parse_stats(reply: bytes) -> WorkerStats:
    """Parse a reply, which may begin with an HTTP header.

    Raises `StatsError`, which says why, if a distccd does not give such a reply.
    """
    values = _values(reply)
    if "dcc_max_kids" not in values:
        raise StatsError("the stats reply does not say dcc_max_kids")
    slots = _whole_number("dcc_max_kids", values["dcc_max_kids"])
    if not 1 <= slots <= MAX_SLOTS:
        raise StatsError(f"the stats reply says {slots} slots, which is not between 1 and {MAX_SLOTS}")
    return WorkerStats(
        slots=slots,
        load=_load(values),
        free_memory_mib=_free_memory_mib(values),
        running=_counter("dcc_current_load", values),
        compiled=_counter("dcc_compile_ok", values),
        failed=_counter("dcc_compile_error", values),
        refused=_counter("dcc_rej_overload", values),
        disconnected=_counter("dcc_cli_disconnect", values),
        timed_out=_counter("dcc_compile_timeout", values),
        free_space_mib=_free_space_mib(values),
        longest_job_ms=_counter("dcc_longest_job_time_msecs", values),
        accepted=_counter("dcc_tcp_accept", values),
        other=_counter("dcc_other", values),
    )


def is_whole(reply: bytes) -> bool:
    """Whether the reply has its closing tag; bytes after the tag would not change what it says."""
    return CLOSING in reply.partition(OPENING)[2]


def _values(reply: bytes) -> dict[str, str]:
    """The complete `key value` lines of the page. The first value of a key counts."""
    _check_http(reply)
    start = reply.find(OPENING)
    if start < 0:
        raise StatsError("the reply is not a distccd stats page")
    body, closing, _ = reply[start + len(OPENING) :].partition(CLOSING)
    lines = body.decode("ascii", "replace").split("\n")
    if not closing:
        lines.pop()  # the last line may be cut off: a "1" may have been a "16"
    values: dict[str, str] = {}
    for line in lines:
        key, _, value = line.strip().partition(" ")
        if key.startswith("dcc_"):
            values.setdefault(key, value.strip())
    return values


def _check_http(reply: bytes) -> None:
    """Refuse an error page, or a page in chunks, of a web server that stands in front of the daemon."""
    if not reply.startswith(b"HTTP/"):
        return
    above = reply.partition(OPENING)[0].replace(b"\r\n", b"\n")
    header = above.partition(b"\n\n")[0].decode("ascii", "replace")
    status_line, _, fields = header.partition("\n")
    status = status_line.partition(" ")[2].strip().partition(" ")[0]
    if status != "200":
        raise StatsError(f"the reply is not a distccd stats page, its HTTP status is {status[:40]!r}")
    if "\ntransfer-encoding:" in f"\n{fields}".lower():
        raise StatsError("the reply comes in chunks, which a distccd stats page does not")


def _counter(key: str, values: dict[str, str]) -> int | None:
    """The value of a counter, None if it is not a number. A wrong counter does not exclude a worker."""
    value = values.get(key)
    return int(value) if value and len(value) <= 9 and _DIGITS.issuperset(value) else None


def _free_space_mib(values: dict[str, str]) -> int | None:
    """The value of `dcc_free_space 1234 MB`; None if it is -1 (unknown to the daemon) or not a number."""
    key = "dcc_free_space"
    return _counter(key, {key: values.get(key, "").removesuffix("MB").rstrip()})


def _whole_number(key: str, value: str) -> int:
    if not value or len(value) > 9 or not _DIGITS.issuperset(value):
        raise StatsError(f"the stats reply says {key} {value[:40]!r}, which is not a whole number")
    return int(value)


def _load(values: dict[str, str]) -> float | None:
    """The mean of the load averages, None if one of them is missing or -1 (unknown to the daemon)."""
    keys = ("dcc_load1", "dcc_load2", "dcc_load3")
    if not all(key in values for key in keys):
        return None
    loads = [_decimal(key, values[key]) for key in keys]
    return None if min(loads) < 0 else sum(loads) / 3


def _decimal(key: str, value: str) -> float:
    whole, _, fraction = value.removeprefix("-").partition(".")
    if not whole or len(value) > 20 or not _DIGITS.issuperset(whole + fraction):
        raise StatsError(f"the stats reply says {key} {value[:40]!r}, which is not a number")
    return float(value)


def _free_memory_mib(values: dict[str, str]) -> int | None:
    """The value of `dcc_free_mem 1234 MB`; None if it is -1 (unknown) or missing (before June 2024)."""
    value = values.get("dcc_free_mem", "-1").removesuffix("MB").rstrip()
    return None if value == "-1" else _whole_number("dcc_free_mem", value)
