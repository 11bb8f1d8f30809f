"""`distcc-driver worker`: a real distccd on this machine, for as long as the command runs."""

from __future__ import annotations

import io
import os
import pwd
import shutil
import socket
import sys
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from ..core.errors import ConfigError, DriverError
from ..core.settings import read_compiler_memory
from ..machine.capacity import local_capacity
from ..machine.children import Interrupts, end_posix_session, start_posix_session
from .display import write_lines
from .distccd import allowedcompilers
from .distccd import workerwording as wording
from .distccd.daemonoptions import (
    SERVICE_USER,
    DaemonOptions,
    Wanted,
    arguments,
    default_slots,
    stats_port_of,
    unit,
)
from .distccd.joblog import JobLog, Ready, complaint
from .distccd.localaddresses import addresses_for
from .distccd.logtail import LogTail
from .distccd.portholder import check_port, user_name
from .distccd.workdirectory import make_work_directory
from .distccd.workerguard import WorkerGuard

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

    from .distccd.allowedcompilers import AllowedCompilers
    from .distccd.joblog import Denied, Job

_POLL_S = 0.2
_READY_S = 20.0
_LAST_WORDS = 1000


def run_worker(wanted: Wanted) -> int:
    """Run a distccd until a signal comes.

    Raises `SignalError` for that, `ConfigError` if it cannot be started as it should, `DriverError` if it
    ends by itself. No process and no file is left behind in any case.
    """
    options, reason = _daemon_options(wanted)
    compilers = _compilers()
    command_list = _command_list()
    for port in (options.job_port, options.stats_port):
        check_port(options.listen_address, port)
    interrupts = Interrupts()
    with ExitStack() as stack:
        directory = _directory(options.user, stack)
        environ = _environ(compilers, command_list, directory)
        guard = WorkerGuard(directory, stack)
        log_path = os.path.join(directory, "log")
        with open(log_path, "ab") as log:
            process = start_posix_session(arguments(options), environ, directory, log)
        stack.callback(end_posix_session, process)
        guard.watch(process)
        tail = stack.enter_context(closing(LogTail(log_path)))
        events = _Events(process, tail, interrupts)
        events.wait_until_ready(options)
        _show(_introduction(options, reason, compilers, command_list), interrupts)
        while True:
            found = events.next()
            moment = time.strftime("%H:%M:%S")
            _show([wording.event_line(event, moment) for event in found], interrupts)


def print_unit(wanted: Wanted) -> int:
    """Print a systemd unit that runs the same distccd for good."""
    options, _ = _daemon_options(wanted, is_service=True)
    write_lines(unit(options).splitlines())
    return 0


def _daemon_options(wanted: Wanted, *, is_service: bool = False) -> tuple[DaemonOptions, str]:
    """How distccd is started here, and why with so many slots. Raises `ConfigError` if there is none."""
    program = shutil.which("distccd")
    if program is None:
        raise ConfigError("distccd", "not found on PATH", "install the package distcc")
    slots, reason = _slots() if wanted.slots is None else (wanted.slots, "as --jobs says")
    options = DaemonOptions(
        program=os.path.abspath(program),
        job_port=wanted.job_port,
        stats_port=stats_port_of(wanted.job_port),
        slots=slots,
        networks=wanted.networks,
        user=None if is_service or os.geteuid() != 0 else _unprivileged_user(),
        log_level="notice" if is_service else "info",
    )
    return options, reason


def _slots() -> tuple[int, str]:
    """How many this machine has room for, and why."""
    capacity = local_capacity()
    slots = default_slots(capacity.threads, capacity.memory_mib, read_compiler_memory(os.environ))
    reason = "1 thread" if capacity.threads == 1 else f"{capacity.threads} threads"
    if capacity.memory_mib is not None:
        reason += f", {capacity.memory_mib} MiB of memory available"
    return slots, reason


def _unprivileged_user() -> str:
    """Whom root has distccd become: the user of Debian's package, else nobody."""
    try:
        return pwd.getpwnam(SERVICE_USER).pw_name
    except KeyError:
        return "nobody"


def _compilers() -> AllowedCompilers:
    """Raises `ConfigError` if distccd would run none."""
    compilers = allowedcompilers.look(os.environ.get("DISTCCD_PATH") or os.environ.get("PATH", os.defpath))
    if not compilers.allowed and not os.environ.get("DISTCC_CMDLIST"):
        raise ConfigError(
            compilers.directory,
            "no compiler of this machine has a link there, distccd would run none",
            "install a compiler, then run update-distcc-symlinks as root",
        )
    return compilers


def _command_list() -> str | None:
    """What the file that distcc(1) calls DISTCC_CMDLIST says; None if there is none.

    Raises `ConfigError` if it cannot be read: distccd would run any program then (serve.c).
    """
    path = os.environ.get("DISTCC_CMDLIST")
    if not path:
        return None
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError as error:
        raise ConfigError(
            f"DISTCC_CMDLIST: {path}", error.strerror or str(error), "correct it, or unset it"
        ) from None


def _directory(user: str | None, stack: ExitStack) -> str:
    """A directory that goes with `stack`; below it is one for the files of distccd and its compilers."""
    directory = make_work_directory("distcc-driver-worker.", user is not None, stack)
    os.mkdir(_files(directory), 0o700)
    if user is not None:
        try:
            os.chown(_files(directory), pwd.getpwnam(user).pw_uid, -1)
        except (KeyError, OSError) as error:  # no such user; or this root has no others, as in a namespace
            cause = f"distccd cannot become this user here ({getattr(error, 'strerror', 'there is none')})"
            raise ConfigError(f"user {user}", cause, "start the worker as another user than root") from None
    return directory


def _files(directory: str) -> str:
    return os.path.join(directory, "files")


def _environ(compilers: AllowedCompilers, command_list: str | None, directory: str) -> dict[str, str]:
    """What distccd and its compilers see: nothing of the user's own, for a client can have it read."""
    environ = {"PATH": compilers.search_path, "TMPDIR": _files(directory)}
    if command_list is not None:
        environ["DISTCC_CMDLIST"] = os.path.join(directory, "commands")  # as it was checked
        with open(environ["DISTCC_CMDLIST"], "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(command_list)
        os.chmod(environ["DISTCC_CMDLIST"], 0o644)
        if words := os.environ.get("DISTCC_CMDLIST_NUMWORDS"):
            environ["DISTCC_CMDLIST_NUMWORDS"] = words
    return environ


class _Events:
    """What distccd tells in its log, while it lives."""

    def __init__(self, process: subprocess.Popen[bytes], tail: LogTail, interrupts: Interrupts) -> None:
        self._process = process
        self._tail = tail
        self._interrupts = interrupts
        self._log = JobLog()

    def wait_until_ready(self, options: DaemonOptions) -> None:
        """Return when both ports take connections. Raises `ConfigError` or `DriverError` if they never do."""
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline and self._process.poll() is None:
            if any(isinstance(event, Ready) for event in self._read()):
                return
            self._interrupts.sleep()
        for port in (options.job_port, options.stats_port) if self._process.poll() is not None else ():
            check_port(options.listen_address, port)  # another program may have been faster
        raise DriverError("distccd", f"does not start; its last words: {self._last_words()}")

    def next(self) -> list[Job | Denied]:
        """What has been told meanwhile, after a pause. Raises `DriverError` if distccd has ended."""
        self._interrupts.sleep(_POLL_S)
        has_ended = self._process.poll() is not None
        events = [event for event in self._read() if not isinstance(event, Ready)]
        if has_ended and not events:
            how = _ending(self._process.returncode)
            raise DriverError("distccd", f"ended by itself, {how}; its last words: {self._last_words()}")
        return events

    def _read(self) -> list[Job | Denied | Ready]:
        return [event for line in self._tail.lines() if (event := self._log.read(line)) is not None]

    def _last_words(self) -> str:
        return complaint(self._tail.last(_LAST_WORDS)) or "none"


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"status {code}"


def _introduction(
    options: DaemonOptions, reason: str, compilers: AllowedCompilers, command_list: str | None
) -> list[str]:
    lines = wording.start_lines(options, reason, options.user or user_name(os.geteuid()))
    listed = None if command_list is None else os.environ["DISTCC_CMDLIST"]
    lines += wording.compiler_lines(compilers, listed)
    host_name = socket.gethostname()
    lines += wording.entry_lines(options, addresses_for(options.networks) or [host_name], host_name)
    return wording.introduction(lines)


def _show(lines: Sequence[str], interrupts: Interrupts) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names may have what this terminal has not
    try:
        write_lines(lines)
    except ConfigError:
        interrupts.check()  # a terminal that was closed sends a signal, too
        raise
