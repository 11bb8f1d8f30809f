"""The tunnels of a build, from the list of SSH hosts to the plan.

The order is: make the session directory, start the guard, start ssh. So whatever ends this process, the guard
finds and closes all that was started.
"""

from __future__ import annotations

import os
import signal
import site
import sys

from ..core.errors import ConfigError
from ..core.facts import Endpoint, Failure, Rejection
from ..core.hostspec import SshHost
from ..core.wording import enumerated
from ..machine import stdout
from ..machine.buildsignals import ENDINGS
from ..machine.installation import remedy
from ..machine.processtable import parent
from ..network import probe
from . import guard, session
from .closing import release
from .session import OpenTunnel

if sys.flags.no_site:
    site.main()  # the build path starts without site-packages, and `sh` is there
try:
    import sh

    from .sshlogins import SshLogins
    from .sshmessages import explained_by
    from .terminal import has_terminal, terminal_kept
except ModuleNotFoundError as missing:
    raise ConfigError(sys.executable, f"{missing}, which SSH hosts need", remedy()) from None

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from types import FrameType
    from typing import NoReturn

    from ..core.balance import Plan
    from ..core.facts import Worker
    from ..machine.log import Log
    from ..network.timelimit import TimeLimit

_ASKED = "ssh waits for the agent or a token to sign; confirm it there, or press Ctrl-C"


class BuildTunnels:
    """A context that opens tunnels. Leaving it closes them, unless they were handed over to the shell.

    The tunnels belong to the shell that started this process. If `is_own`, they belong to this process: then
    a host that does not answer keeps its tunnel, because `ask_all` may be called again.
    """

    def __init__(
        self,
        hosts: Sequence[SshHost],
        environ: Mapping[str, str],
        shell_pid: int | None = None,
        is_own: bool = False,
    ) -> None:
        self._hosts = hosts
        self._environ = environ
        self._shell_pid = shell_pid
        self._is_own = is_own
        self._path = ""
        self._logins: SshLogins | None = None
        self._opened: dict[SshHost, Endpoint | Rejection] = {}

    def __enter__(self) -> BuildTunnels:
        """Begin to connect. Raises `ConfigError` if no session directory can be made."""
        try:
            ssh = sh.Command("ssh")
        except sh.CommandNotFound:
            return self
        _prepare_process()
        try:
            owner_pid = os.getpid() if self._is_own else os.getppid()
            if not self._is_own:
                # If the shell has ended, getppid() is the pid of another process that adopted this one.
                stdout.end_if_gone()
            self._make_session(owner_pid)
            keeper = guard.start(self._path, _watched_pids(owner_pid, self._shell_pid))
            self._logins = SshLogins(ssh, self._hosts, self._path, keeper, has_terminal())
            self._logins.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _make_session(self, owner_pid: int) -> None:
        """Make the session directory. A signal must not end this process before the path is stored."""
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
        try:
            self._path = session.create(owner_pid, self._environ)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def __exit__(self, *_: object) -> None:
        """Close all that was not handed over."""
        for number in ENDINGS if self._path else ():
            signal.signal(number, signal.SIG_IGN)  # closing takes only a moment
        self._close()

    def _close(self) -> None:
        """Close all. If the guard has done so, the shell was killed: then end this process, too."""
        if not self._path:
            return
        path, self._path = self._path, ""
        is_gone = not os.path.isdir(path)
        if self._logins is not None:
            self._logins.stop()
        release(path)
        if self._logins is not None:
            self._logins.kill_strays()
        if is_gone:
            sys.exit(128 + signal.SIGTERM)

    def connect(self, log: Log, quiet: Callable[[], AbstractContextManager[object]] | None = None) -> None:
        """Wait until every host is connected or has failed; at a terminal, let ssh ask a person.

        `quiet` makes the context in which ssh asks: it keeps other output off the terminal.
        """
        if self._logins is None:
            advice = "install the OpenSSH client (openssh-client)"
            self._opened = {host: Rejection(host, "ssh: not found on PATH", advice) for host in self._hosts}
            return
        self._opened = self._logins.finish(
            lambda slow: log.info(f"{enumerated([host.text for host in slow])}: ssh is still connecting"),
            lambda asked: log.info(f"{enumerated([host.text for host in asked])}: {_ASKED}"),
        )
        if any(_is_question(result) for result in self._opened.values()) and has_terminal():
            if quiet is None:
                self._ask_person(self._logins, log)
            else:
                with quiet():
                    self._ask_person(self._logins, log)

    def _ask_person(self, logins: SshLogins, log: Log) -> None:
        for host, result in self._opened.items():
            if _is_question(result):
                log.info(f"{host.text}: ssh has a question")
                with terminal_kept():
                    self._opened[host] = logins.ask(host)

    def ask_all(
        self, time_limit: TimeLimit, answered: Callable[[], None] | None = None
    ) -> list[Worker | Rejection]:
        """Probe all hosts that are connected; `answered` is called as each is done.

        In a build, the tunnel of a host that fails is closed at once. If the guard has closed the session
        meanwhile, the shell was killed: then this process ends without a message.
        """
        results: list[Worker | Rejection] = [r for r in self._opened.values() if isinstance(r, Rejection)]
        for _ in results:
            if answered:
                answered()
        endpoints = [result for result in self._opened.values() if isinstance(result, Endpoint)]
        for answer in probe.ask_all(endpoints, time_limit, answered):
            results.append(self._explained(answer) if isinstance(answer, Rejection) else answer)
        if self._path and not self._is_own and not os.path.isdir(self._path):
            sys.exit(128 + signal.SIGTERM)
        return results

    def keep(self, plan: Plan, log_level: str) -> str:
        """Close all tunnels but those of the plan's workers; returns the session, "" if no tunnel is left."""
        kept = _tunnels_of(plan, self._hosts)
        unused = [host for number, host in enumerate(self._hosts) if number not in kept]
        if self._logins is not None and unused:
            self._logins.close(*unused)
        if not kept:
            self._close()
            return ""
        if not session.write_state(self._path, log_level, list(kept.values())):
            sys.exit(128 + signal.SIGTERM)  # the guard has begun to close the session: the shell was killed
        return self._path

    def hand_over(self) -> None:
        """Leave the tunnels open when the context ends: the shell, which has the plan, closes them."""
        self._path = ""

    def _explained(self, rejection: Rejection) -> Rejection:
        """A rejection by a host behind a tunnel, completed by ssh's own messages about the host."""
        host = rejection.host
        if self._logins is None or not isinstance(host, SshHost):
            return rejection
        if not self._is_own:
            self._logins.close(host)
        elif not self._logins.is_open(host):
            return Rejection(host, "its tunnel has ended", "is the machine up, and its sshd?")
        messages = self._logins.messages(host)
        explained = explained_by(messages, rejection)
        messages.forget()
        return explained


def _is_question(result: Endpoint | Rejection) -> bool:
    return isinstance(result, Rejection) and result.kind == Failure.QUESTION


def _tunnels_of(plan: Plan, hosts: Sequence[SshHost]) -> dict[int, OpenTunnel]:
    """The tunnels that a plan uses, by the numbers of their hosts."""
    used = {share.worker.endpoint.host: share.worker.endpoint for share in plan.shares}
    numbers = {number: host for number, host in enumerate(hosts) if host in used}
    return {
        number: OpenTunnel(number, used[host].job_port, host.text, used[host].stats_port)
        for number, host in numbers.items()
    }


def _prepare_process() -> None:
    """Let signals end this process with a clean-up, and make its files private to this user."""
    for number in ENDINGS:
        if signal.getsignal(number) == signal.SIG_DFL:  # nohup(1) ignores signals: keep that
            signal.signal(number, _interrupted)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # if SIGCHLD is ignored, waitpid() gets no exit status
    os.umask(0o077)  # under the user's own umask, such as 777, this process might not read its files


def _interrupted(number: int, _: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def _watched_pids(owner_pid: int, shell_pid: int | None) -> list[int]:
    """The sub-shell of the build, and the shell that waits for it: each of them may be killed alone.

    With `zsh -c`, the sub-shell may be the main shell itself, to save a fork: then no shell waits for it.
    """
    if shell_pid in (None, owner_pid):
        return [owner_pid]
    return [owner_pid, parent(owner_pid)]
