"""How tasks that linger wait for the other tasks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from distcc_driver.network.deadlines import fixed
from distcc_driver.network.poll import Wait, run_all
from distcc_driver.network.resolve import Resolver
from distcc_driver.network.timelimit import TimeLimit

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    Task = Generator[Wait, bool | None, str]

_FAR_S = 3600.0
_NEAR_S = 0.01


@pytest.fixture
def resolver() -> Iterator[Resolver]:
    resolver = Resolver()
    yield resolver
    resolver.close()


def test_lingering_tasks_go_on_when_all_others_have_ended(resolver: Resolver) -> None:
    order = []

    def task(name: str, *waits: Wait) -> Task:
        for wait in waits:  # noqa: UP028  # `yield from` a tuple cannot pass on what is sent
            yield wait
        order.append(name)
        return name

    idle, busy = (
        Wait(fixed(time.monotonic() + _FAR_S)),
        Wait(fixed(time.monotonic() + _NEAR_S), (resolver.fileno(),), 0),
    )
    names = run_all(
        [task("a", idle), task("b", idle, idle), task("c", busy), task("d")], resolver, TimeLimit(None), 4
    )
    assert names == ["a", "b", "c", "d"]
    assert order[:2] == ["d", "c"]


def test_lingering_task_goes_on_when_another_needs_its_place(resolver: Resolver) -> None:
    running, most = 0, 0

    def task() -> Task:
        nonlocal running, most
        running += 1
        most = max(most, running)
        yield Wait(fixed(time.monotonic() + _FAR_S))
        running -= 1
        return ""

    assert run_all([task() for _ in range(9)], resolver, TimeLimit(None), 2) == [""] * 9
    assert most == 2


def test_lingering_task_goes_on_at_its_deadline(resolver: Resolver) -> None:
    order = []

    def task(name: str, wait: Wait) -> Task:
        yield wait
        order.append(name)
        return name

    idle = Wait(fixed(time.monotonic() - 1))
    busy = Wait(fixed(time.monotonic() + _NEAR_S), (resolver.fileno(),), 0)
    run_all([task("busy", busy), task("idle", idle)], resolver, TimeLimit(None), 2)
    assert order == ["idle", "busy"]
