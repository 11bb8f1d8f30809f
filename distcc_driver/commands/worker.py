"""`distcc-driver worker`: runs a distccd on this machine until the command ends."""

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
from .distccd import workerwording as wording
from .distccd.allowedcompilers import find_compilers
from .distccd.daemonoptions import (
    SERVICE_USER,
    DaemonOptions,
    WorkerRequest,
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
from .output import write_lines

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

    from .distccd.allowedcompilers import AllowedCompilers
    from .distccd.joblog import Denied, Job

_POLL_S = 0.2
_READY_S = 20.0
_LAST_WORDS = 1000


def run_worker(wanted: WorkerRequest) -> int:
    """Run a distccd until a signal comes.

    Raises `SignalError` when the signal comes, `ConfigError` if distccd cannot be started as wanted, and
    `DriverError` if it ends by itself. In any case no process and no file is left behind.
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


def print_unit(wanted: WorkerRequest) -> int:
    """Print a systemd unit that runs the same distccd as a service."""
    options, _ = _daemon_options(wanted, is_service=True)
    write_lines(unit(options).splitlines())
    return 0


def _daemon_options(wanted: WorkerRequest, *, is_service: bool = False) -> tuple[DaemonOptions, str]:
    """The options of distccd, and the reason for its slots. Raises `ConfigError` without a distccd."""
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
    """How many slots this machine has room for, and why."""
    capacity = local_capacity()
    slots = default_slots(capacity.threads, capacity.memory_mib, read_compiler_memory(os.environ))
    reason = "1 thread" if capacity.threads == 1 else f"{capacity.threads} threads"
    if capacity.memory_mib is not None:
        reason += f", {capacity.memory_mib} MiB of memory available"
    return slots, reason


def _unprivileged_user() -> str:
    """The user that distccd becomes if root starts it: the user of Debian's package, else "nobody"."""
    try:
        return pwd.getpwnam(SERVICE_USER).pw_name
    except KeyError:
        return "nobody"


def _compilers() -> AllowedCompilers:
    """The compilers that distccd may run. Raises `ConfigError` if there is no compiler."""
    compilers = find_compilers(os.environ.get("DISTCCD_PATH") or os.environ.get("PATH", os.defpath))
    if not compilers.allowed and not os.environ.get("DISTCC_CMDLIST"):
        raise ConfigError(
            compilers.directory,
            "no compiler of this machine has a link there, distccd would run none",
            "install a compiler, then run update-distcc-symlinks as root",
        )
    return compilers


def _command_list() -> str | None:
    """The content of the file DISTCC_CMDLIST (distcc(1)), None if the variable is not set.

    Raises `ConfigError` if the file cannot be read: distccd would run any program then (serve.c).
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
    """Make a directory that is removed with `stack`, and in it one for files of distccd and compilers."""
    directory = make_work_directory("distcc-driver-worker.", user is not None, stack)
    os.mkdir(_files(directory), 0o700)
    if user is not None:
        try:
            os.chown(_files(directory), pwd.getpwnam(user).pw_uid, -1)
        except (KeyError, OSError) as error:  # no such user, or a user namespace without it
            cause = f"distccd cannot become this user here ({getattr(error, 'strerror', 'there is none')})"
            raise ConfigError(f"user {user}", cause, "start the worker as another user than root") from None
    return directory


def _files(directory: str) -> str:
    return os.path.join(directory, "files")


def _environ(compilers: AllowedCompilers, command_list: str | None, directory: str) -> dict[str, str]:
    """The environment of distccd and its compilers. Clients can read it, so it has nothing of the user."""
    environ = {"PATH": compilers.search_path, "TMPDIR": _files(directory)}
    if command_list is not None:
        # A copy: the file of the user may change after the check.
        environ["DISTCC_CMDLIST"] = os.path.join(directory, "commands")
        with open(environ["DISTCC_CMDLIST"], "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(command_list)
        os.chmod(environ["DISTCC_CMDLIST"], 0o644)
        if words := os.environ.get("DISTCC_CMDLIST_NUMWORDS"):
            environ["DISTCC_CMDLIST_NUMWORDS"] = words
    return environ


class _Events:
    """The events in the log of a running distccd."""

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
            check_port(options.listen_address, port)  # another program may have taken the port
        raise DriverError("distccd", f"does not start; its last words: {self._last_words()}")

    def next(self) -> list[Job | Denied]:
        """Wait a moment, return the events since the last call. Raises `DriverError` if distccd has ended."""
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
        sys.stdout.reconfigure(errors="backslashreplace")  # this terminal may lack characters of names
    try:
        write_lines(lines)
    except ConfigError:
        interrupts.check()  # if the terminal was closed, a signal says so
        raise
