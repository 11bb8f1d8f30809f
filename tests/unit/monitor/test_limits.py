"""What limits a build, from what is seen of it."""

from __future__ import annotations

import pytest

from distcc_driver.monitor.limits import limit_of, load_of
from distcc_driver.monitor.picture import Job, Step, ThisMachine, Worker


def jobs(step: Step, count: int) -> tuple[Job, ...]:
    return tuple(Job(slot + 1, slot, "a.c", step, 1.0) for slot in range(count))


def worker(
    compiling: int = 0, queued: int = 0, *, name: str = "w", slots: int = 8, avoided_s: float | None = None
) -> Worker:
    all_jobs = jobs(Step.COMPILING, compiling) + jobs(Step.QUEUED, queued)
    return Worker(name, "tcp", slots, all_jobs, avoided_s=avoided_s)


def here(**values: object) -> ThisMachine:
    return ThisMachine(**{"slots": 4, "cpp_slots": 2, "waiting": 0, "processors": 0.2, **values})  # type: ignore[arg-type]


IDLE = "workers are idle: "
CASES = [
    ([worker(8)], here(), "slots", "all slots busy"),
    ([worker(8)], here(waiting=1), "slots", "all slots busy; 1 client waits for a slot"),
    ([worker(8)], here(waiting=9), "slots", "all slots busy; 9 clients wait for a slot"),
    (
        [worker(2, 6)],
        here(preprocessing=2, queued=4),
        "preprocessing",
        f"{IDLE}this machine preprocesses as fast as it can (2 at once, 2 at most)",
    ),
    (
        [worker(2, 2)],
        here(preprocessing=1, queued=1),
        "preprocessing",
        f"{IDLE}this machine preprocesses as fast as it can (1 at once, 2 at most)",
    ),
    (
        [worker(3)],
        here(processors=0.97),
        "processors",
        f"{IDLE}the processors of this machine are busy (97 %)",
    ),
    ([worker(3)], here(), "few-jobs", "little to do: make has no more jobs (3 clients at once)"),
    ([worker(1)], here(), "few-jobs", "little to do: make has no more jobs (1 client at once)"),
    ([worker()], here(jobs=jobs(Step.LINKING, 2)), "local", f"{IDLE}make has only links now"),
    (
        [worker()],
        here(jobs=jobs(Step.COMPILING, 2)),
        "local",
        f"{IDLE}make has only work that stays here now",
    ),
    ([worker()], here(), "no-jobs", "nothing compiles: make does other work now, or waits"),
    ([], here(), "no-workers", "the host list has no worker: everything compiles here"),
    (
        [worker(8), worker(name="v", avoided_s=9)],
        here(),
        "avoided",
        "v is avoided; all other slots busy",
    ),
    ([worker(avoided_s=9)], here(), "avoided", "w is avoided: everything compiles here"),
    (
        [worker(avoided_s=9), worker(name="v", avoided_s=9)],
        here(),
        "avoided",
        "w, v are avoided: everything compiles here",
    ),
]


@pytest.mark.parametrize(("workers", "machine", "code", "text"), CASES)
def test_limit(workers: list[Worker], machine: ThisMachine, code: str, text: str) -> None:
    limit = limit_of([load_of(workers, machine)], workers, machine, "make")
    assert (limit.code, limit.text) == (code, text)


def test_it_is_the_mean_of_some_looks() -> None:
    """One look between two compilations says nothing."""
    busy, free = [worker(8)], [worker(7)]
    loads = [load_of(busy, here())] * 7 + [load_of(free, here())]
    assert limit_of(loads, free, here(), "make").code == "slots"
