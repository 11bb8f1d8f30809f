"""Fixtures of the long tests, and the counts that they print at the end."""

from __future__ import annotations

import random
import secrets
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import (
    environ,
    ready_shell,
    recorder,
    shared_distccd,
    start_distccd,
    user_shell,
    work,
)
from tests.e2e.ssh.conftest import gate, keys, shared_sshd, ssh, start_sshd, traces

if TYPE_CHECKING:
    from collections.abc import Callable

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
    """What was tried, and what was left over: printed when all tests have ended."""

    def __init__(self) -> None:
        self.tables: dict[str, Counter[str]] = defaultdict(Counter)
        self.left: list[str] = []

    def count(self, table: str, row: str, number: int = 1) -> None:
        """Add to a row of a table, both named in plain words."""
        self.tables[table][row] += number

    def lines(self) -> list[str]:
        """Each table in one line, the left-overs last."""
        tables = [
            f"{table}: {rows.total()}" + (f" ({_rows(rows)})" if set(rows) != {""} else "")
            for table, rows in self.tables.items()
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
    """Random numbers that follow from the seed and the name of the test alone."""
    return random.Random(f"{pytestconfig.stash[_SEED]} {request.node.name}")


@pytest.fixture(scope="session")
def scaled(pytestconfig: pytest.Config) -> Callable[[int], int]:
    """The number of runs that is asked for, where `n` is usual."""
    factor: float = pytestconfig.getoption("--runs", 1.0)
    return lambda usual: max(1, round(usual * factor))
