"""Fixtures of the long tests, and the counts that the tests print at the end."""

from __future__ import annotations

import random
import secrets
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import (
    environ,
    gate,
    ready_shell,
    recorder,
    shared_distccd,
    start_distccd,
    user_shell,
    work,
)
from tests.e2e.ssh.conftest import behind, keys, shared_sshd, ssh, start_sshd, traces
from tests.support import servers
from tests.support.ports import LOOPBACK, host_spec
from tests.support.servers import Server
from tests.support.shells import UserShell
from tests.support.traces import Traces

from .builds import OVER, Yard
from .typist import Hosts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.ssh.conftest import Keys
    from tests.support.distccd import Distccd
    from tests.support.sshd import Sshd, SshUser

__all__ = [
    "environ",
    "gate",
    "keys",
    "ready_shell",
    "recorder",
    "shared_distccd",
    "shared_sshd",
    "ssh",
    "start_distccd",
    "start_sshd",
    "traces",
    "user_shell",
    "work",
]

_SEED = pytest.StashKey[int]()
_TALLY = pytest.StashKey["Tally"]()


class Tally:
    """Counts of runs, and things that builds left over. They are printed when all tests have ended."""

    def __init__(self) -> None:
        self.tables: dict[str, Counter[str]] = defaultdict(Counter)
        self.times_s: dict[str, list[float]] = defaultdict(list)
        self.left: list[str] = []

    def count(self, table: str, row: str, number: int = 1) -> None:
        """Add a number to a row of a table. Both names are printed."""
        self.tables[table][row] += number

    def count_build(self, ending: str, stage: str) -> None:
        """Count a build by its ending and by the stage in which it was interrupted.

        The stage is OVER if the build ended before the interruption.
        """
        self.count("runs", "ended before that" if stage in ("", OVER) else "interrupted")
        self.count("endings", ending)
        self.count("stages", stage or OVER)

    def took(self, what: str, seconds: float) -> None:
        """Note a time. The longest of each kind is printed, and no test depends on it."""
        self.times_s[what].append(seconds)

    def lines(self) -> list[str]:
        """One line for each table, then the left-overs."""
        tables = [
            f"{table}: {rows.total()}" + (f" ({_rows(rows)})" if set(rows) != {""} else "")
            for table, rows in self.tables.items()
        ]
        tables += [
            f"{what}: longest of {len(all_s)} {max(all_s):.2f} s" for what, all_s in self.times_s.items()
        ]
        return [*tables, f"left-overs: {len(self.left)}", *self.left]


def _rows(rows: Counter[str]) -> str:
    return ", ".join(f"{row} {number}" for row, number in rows.most_common())


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("stress")
    group.addoption("--seed", type=int, help="the number that the random moments follow from; printed")
    group.addoption("--runs", type=float, default=1.0, help="times the usual number of interrupted builds")


def pytest_configure(config: pytest.Config) -> None:
    seed = config.getoption("--seed", None)
    config.stash[_SEED] = secrets.randbelow(10**6) if seed is None else seed
    config.stash[_TALLY] = Tally()


def pytest_report_header(config: pytest.Config) -> str:
    return f"stress: --seed {config.stash[_SEED]}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    terminalreporter.section("stress")
    terminalreporter.line(f"seed: {config.stash[_SEED]}")
    for line in config.stash[_TALLY].lines():
        terminalreporter.line(line)


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> Tally:
    return pytestconfig.stash[_TALLY]


@pytest.fixture
def chance(pytestconfig: pytest.Config, request: pytest.FixtureRequest) -> random.Random:
    """Random numbers that depend only on the seed and on the name of the test."""
    return random.Random(f"{pytestconfig.stash[_SEED]} {request.node.name}")


@pytest.fixture(scope="session")
def scaled(pytestconfig: pytest.Config) -> Callable[[int], int]:
    """A function that multiplies a usual number of runs by the option --runs."""
    factor: float = pytestconfig.getoption("--runs", 1.0)
    return lambda usual: max(1, round(usual * factor))


@pytest.fixture
def hosts(
    request: pytest.FixtureRequest, environ: dict[str, str], shared_distccd: Distccd
) -> Iterator[Hosts]:
    """Host lists by kind: over TCP, with a silent host; over ssh; over an ssh that asks a question."""
    environ["DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS"] = "1"
    if request.param == "tcp":
        environ["DISTCC_AUTO_CONNECT_TIMEOUT"] = "0.2"
        with Server(servers.hang) as silent:
            text = f"{shared_distccd.spec} {host_spec(LOOPBACK, silent.port, silent.port)}"
            yield Hosts("tcp", text, shared_distccd.spec, lambda: silent.connections)
        return
    ssh: SshUser = request.getfixturevalue("ssh")
    sshd: Sshd = request.getfixturevalue("shared_sshd")
    keys: Keys = request.getfixturevalue("keys")
    ssh.default(IdentityFile=str(keys.protected.private))
    easy, second = (
        behind(ssh.worker(name, sshd, IdentityFile=str(keys.user.private)), shared_distccd)
        for name in ("one", "two")
    )
    asking = behind(ssh.worker("asking", sshd), shared_distccd)
    traces = Traces(environ)
    text = f"{easy} {asking if request.param == 'asking' else second}"
    yield Hosts(request.param, text, easy, lambda: len(traces.sessions()))


@pytest.fixture
def yard(
    request: pytest.FixtureRequest,
    environ: dict[str, str],
    work: Path,
    hosts: Hosts,
    shared_distccd: Distccd,
) -> Yard:
    """The yard of a user of one shell, with the host list of one kind of build."""
    environ["DISTCC_AUTO_HOSTS"] = hosts.of_the_build
    return Yard(UserShell(request.param, environ, work), shared_distccd.job_port, hosts.connections)
