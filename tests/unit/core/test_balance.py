from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distcc_driver.core.balance import Plan, balance
from distcc_driver.core.errors import NoCapacityError
from distcc_driver.core.facts import LocalCapacity, Worker
from distcc_driver.core.settings import Settings
from distcc_driver.core.shellcode import distcc_hosts

from ..samples import settings_of, worker_of

AMPLE = LocalCapacity(threads=8, memory_mib=64 * 1024)


def shares_of(plan: Plan) -> dict[str, int]:
    return {share.worker.endpoint.host.text: share.jobs for share in plan.shares}


def test_worked_example_of_the_summary() -> None:
    workers = [worker_of("worker-2", slots=8), worker_of("worker-1", slots=16)]
    plan = balance(settings_of(PREPROCESSOR_SATURATION_JOBS=2), workers, AMPLE)
    assert list(shares_of(plan).items()) == [("worker-1", 16), ("worker-2", 8)]
    assert (plan.remote_jobs, plan.local_jobs, plan.saturation_jobs, plan.jobs) == (24, 0, 2, 26)


@pytest.mark.parametrize(
    ("slots", "free_memory_mib", "compiler_memory_mib", "jobs"),
    [
        (8, None, 1024, 8),
        (8, 8192, 1024, 8),
        (8, 99999, 1024, 8),
        (8, 8191, 1024, 7),
        (8, 1024, 1024, 1),
        (8, 1, 0, 8),
        (8, 0, 0, 8),
        (4096, None, 0, 4096),
    ],
)
def test_jobs_of_a_worker_are_what_its_slots_and_memory_allow(
    slots: int, free_memory_mib: int | None, compiler_memory_mib: int, jobs: int
) -> None:
    worker = worker_of(slots=slots, free_memory_mib=free_memory_mib)
    plan = balance(settings_of(COMPILER_MEMORY=compiler_memory_mib), [worker], AMPLE)
    assert shares_of(plan) == {"worker": jobs}
    assert plan.dropped == []


def test_worker_without_memory_for_one_job_is_dropped() -> None:
    small, empty, large = (worker_of(str(n), free_memory_mib=m) for n, m in enumerate((1023, 0, 1024)))
    plan = balance(settings_of(), [small, empty, large], AMPLE)
    assert shares_of(plan) == {"2": 1}
    assert plan.dropped == [small, empty]


@pytest.mark.parametrize(
    "best_first",
    [
        [worker_of("more", slots=5, load=9.0), worker_of("fewer", slots=4, load=0.0)],
        [worker_of("idle", load=0.1), worker_of("busy", load=0.2, free_memory_mib=99999)],
        [worker_of("known", load=99.0), worker_of("unknown", load=None)],
        [worker_of("much", free_memory_mib=9000), worker_of("less", free_memory_mib=8000)],
        [worker_of("known", free_memory_mib=4096), worker_of("unknown", free_memory_mib=None)],
        [
            worker_of("slots", slots=9, load=None),
            worker_of("load", slots=8, load=1.0),
            worker_of("much", slots=8, load=2.0, free_memory_mib=9000),
            worker_of("less", slots=8, load=2.0, free_memory_mib=8500),
            worker_of("memory-unknown", slots=8, load=2.0),
            worker_of("load-unknown", slots=8, load=None, free_memory_mib=99999),
            worker_of("little-memory", slots=64, load=0.0, free_memory_mib=2048),
        ],
    ],
    ids=["jobs", "load", "unknown load", "memory", "unknown memory", "all together"],
)
def test_best_worker_comes_first_in_any_order_of_the_host_list(best_first: list[Worker]) -> None:
    for workers in itertools.islice(itertools.permutations(best_first), 200):
        plan = balance(settings_of(), workers, AMPLE)
        assert [share.worker for share in plan.shares] == best_first


def test_equal_workers_keep_the_order_of_the_host_list() -> None:
    workers = [worker_of(name) for name in "zaymb"]
    assert "".join(shares_of(balance(settings_of(), workers, AMPLE))) == "zaymb"


@pytest.mark.parametrize(
    ("variables", "local", "local_jobs", "saturation_jobs"),
    [
        ({}, AMPLE, 0, 8),
        ({}, LocalCapacity(1, None), 0, 1),
        ({"EARLY_LOCAL_JOBS": 3}, AMPLE, 3, 8),
        ({"EARLY_LOCAL_JOBS": 3, "FALLBACK_LOCAL_JOBS": 5}, AMPLE, 3, 8),
        ({"EARLY_LOCAL_JOBS": 3}, LocalCapacity(8, 2500), 2, 8),
        ({"EARLY_LOCAL_JOBS": 3}, LocalCapacity(8, 1023), 0, 8),
        ({"EARLY_LOCAL_JOBS": 3}, LocalCapacity(8, None), 3, 8),
        ({"EARLY_LOCAL_JOBS": 3, "COMPILER_MEMORY": 0}, LocalCapacity(8, 0), 3, 8),
        ({"EARLY_LOCAL_JOBS": 3, "COMPILER_MEMORY": 800}, LocalCapacity(8, 1700), 2, 8),
        ({"PREPROCESSOR_SATURATION_JOBS": 0}, AMPLE, 0, 0),
        ({"PREPROCESSOR_SATURATION_JOBS": 21}, AMPLE, 0, 21),
        ({"PREPROCESSOR_SATURATION_JOBS": 21}, LocalCapacity(1, 75), 0, 21),
    ],
)
def test_jobs_on_this_machine_beside_a_worker(
    variables: dict[str, int], local: LocalCapacity, local_jobs: int, saturation_jobs: int
) -> None:
    plan = balance(settings_of(**variables), [worker_of(slots=4)], local)
    assert (plan.local_jobs, plan.saturation_jobs) == (local_jobs, saturation_jobs)
    assert plan.jobs == 4 + local_jobs + saturation_jobs


@pytest.mark.parametrize(
    ("variables", "local", "jobs"),
    [
        ({}, AMPLE, 8),
        ({"FALLBACK_LOCAL_JOBS": 5}, AMPLE, 5),
        ({"FALLBACK_LOCAL_JOBS": 50}, AMPLE, 50),
        ({"EARLY_LOCAL_JOBS": 3}, AMPLE, 8),
        ({"PREPROCESSOR_SATURATION_JOBS": 7}, AMPLE, 8),
        ({}, LocalCapacity(8, 3 * 1024), 3),
        ({}, LocalCapacity(8, None), 8),
        ({"COMPILER_MEMORY": 0}, LocalCapacity(8, 0), 8),
    ],
)
@pytest.mark.parametrize("workers", [[], [worker_of(free_memory_mib=0)]], ids=["none", "dropped"])
def test_jobs_on_this_machine_without_a_worker(
    variables: dict[str, int], local: LocalCapacity, jobs: int, workers: list[Worker]
) -> None:
    workers = workers if variables.get("COMPILER_MEMORY") != 0 else []
    plan = balance(settings_of(**variables), workers, local)
    assert (plan.shares, plan.local_jobs, plan.saturation_jobs, plan.jobs) == ([], jobs, 0, jobs)


FORBIDDEN = "DISTCC_AUTO_FALLBACK_LOCAL_JOBS=0 forbids a local build; start a worker, or allow local jobs"
TOO_LITTLE = (
    "the {} MiB of memory available here are too little for one compiler; "
    "free memory, or lower DISTCC_AUTO_COMPILER_MEMORY"
)


@pytest.mark.parametrize(
    ("variables", "local", "why"),
    [
        ({"FALLBACK_LOCAL_JOBS": 0}, AMPLE, FORBIDDEN),
        ({"FALLBACK_LOCAL_JOBS": 0, "EARLY_LOCAL_JOBS": 4}, AMPLE, FORBIDDEN),
        ({"FALLBACK_LOCAL_JOBS": 0}, LocalCapacity(8, 0), FORBIDDEN),
        ({}, LocalCapacity(8, 1023), TOO_LITTLE.format(1023)),
        ({"FALLBACK_LOCAL_JOBS": 2}, LocalCapacity(8, 0), TOO_LITTLE.format(0)),
    ],
)
def test_refusal_says_why_and_ends_with_97(variables: dict[str, int], local: LocalCapacity, why: str) -> None:
    with pytest.raises(NoCapacityError) as caught:
        balance(settings_of(**variables), [worker_of(free_memory_mib=0)], local)
    assert caught.value.exit_code == 97
    assert str(caught.value) == f"refusing to build: no worker is available and {why}"


def test_preprocessing_jobs_alone_are_no_build() -> None:
    with pytest.raises(NoCapacityError):
        balance(settings_of(FALLBACK_LOCAL_JOBS=0, PREPROCESSOR_SATURATION_JOBS=8), [], AMPLE)


@pytest.mark.parametrize(
    ("slots", "waiting", "threads", "pause_ms"),
    [
        (4, 0, 8, 20),
        (12, 2, 8, 20),
        (64, 2, 2, 164),
        (64, 64, 64, 40),
        (512, 0, 1, 1000),
        (512, 2, 2, 1000),
        (512, 64, 64, 292),
        (4096, 64, 64, 1000),
        (4096, 64, 1, 29542),
    ],
)
def test_pause_grows_with_the_slots_so_that_polling_stays_cheap(
    slots: int, waiting: int, threads: int, pause_ms: int
) -> None:
    settings = settings_of(PREPROCESSOR_SATURATION_JOBS=waiting)
    assert balance(settings, [worker_of(slots=slots)], LocalCapacity(threads, None)).pause_ms == pause_ms


def test_pause_grows_with_local_slots_too() -> None:
    remote = balance(settings_of(), [worker_of(slots=256)], LocalCapacity(2, None))
    both = balance(settings_of(EARLY_LOCAL_JOBS=100), [worker_of(slots=256)], LocalCapacity(2, None))
    assert both.pause_ms == remote.pause_ms + 25  # 2 clients, 100 lock files of 5 us, 2 % of 2 threads


@pytest.mark.parametrize(
    ("variables", "local", "jobs", "cause"),
    [
        ({}, LocalCapacity(2, 198), 66, None),
        ({}, LocalCapacity(2, 197), 65, "197 MiB of memory available here"),
        ({}, LocalCapacity(2, 5), 1, "5 MiB of memory"),
        ({}, LocalCapacity(2, 0), 1, "0 MiB of memory"),
        ({}, LocalCapacity(2, None), 66, None),
        ({"COMPILER_MEMORY": 0}, LocalCapacity(2, 0), 66, None),
        ({"EARLY_LOCAL_JOBS": 1}, LocalCapacity(2, 1024 + 150), 1 + 50, "150 MiB of memory"),
        ({"EARLY_LOCAL_JOBS": 1}, LocalCapacity(2, 1024), 1 + 42, "128 MiB of memory"),
        ({}, LocalCapacity(2, None, 262), 66, None),
        ({}, LocalCapacity(2, None, 261), 65, "261 more processes allowed here (ulimit -u)"),
        ({}, LocalCapacity(2, None, 0), 1, "0 more processes"),
        ({}, LocalCapacity(2, 150, 262), 50, "150 MiB of memory"),
        ({}, LocalCapacity(2, 150, 100), 12, "100 more processes"),
        ({"COMPILER_MEMORY": 0}, LocalCapacity(2, 0, 100), 12, "100 more processes"),
    ],
)
def test_jobs_are_limited_by_the_room_for_waiting_clients(
    variables: dict[str, int], local: LocalCapacity, jobs: int, cause: str | None
) -> None:
    plan = balance(settings_of(**variables), [worker_of(slots=64)], local)
    assert (plan.jobs, plan.remote_jobs, plan.saturation_jobs) == (jobs, 64, 2)
    assert (plan.limit.cause.startswith(cause) if cause else False) if plan.limit else cause is None


@pytest.mark.parametrize(
    ("local", "advice"),
    [(LocalCapacity(2, 5), "free memory here"), (LocalCapacity(2, None, 0), "raise ulimit -u")],
)
def test_limit_has_its_own_advice(local: LocalCapacity, advice: str) -> None:
    limit = balance(settings_of(), [worker_of(slots=64)], local).limit
    assert limit is not None
    assert limit.advice == advice


def test_build_without_workers_needs_no_room_for_waiting_clients() -> None:
    plan = balance(settings_of(FALLBACK_LOCAL_JOBS=50, COMPILER_MEMORY=1), [], LocalCapacity(2, 60, 70))
    assert (plan.jobs, plan.limit) == (50, None)


@pytest.mark.parametrize(
    ("spec", "entry"),
    [
        ("worker", "worker:3632/4,lzo"),
        ("10.0.0.7:4000", "10.0.0.7:4000/4,lzo"),
        ("[2001:db8::7]", "[2001:db8::7]:3632/4,lzo"),
        ("localhost", "127.0.0.1:3632/4,lzo"),
    ],
)
def test_entry_of_a_worker(spec: str, entry: str) -> None:
    assert balance(settings_of(), [worker_of(spec)], AMPLE).shares[0].entry == entry


def test_worst_workers_are_left_out_where_the_host_list_gets_too_long() -> None:
    names = [f"{number:05}.{'n' * 190}" for number in range(1000)]
    workers = [worker_of(name, slots=number // 100 + 1) for number, name in enumerate(names)]
    plan = balance(settings_of(), workers, LocalCapacity(64, None))
    text = f"DISTCC_HOSTS={distcc_hosts(plan)}"
    assert 128 * 1024 - 512 < len(text) < 128 * 1024
    assert len(plan.shares) + len(plan.unlisted) == 1000
    assert min(share.jobs for share in plan.shares) >= max(worker.stats.slots for worker in plan.unlisted)
    assert plan.remote_jobs == sum(share.jobs for share in plan.shares)


def test_host_list_is_filled_to_the_last_byte() -> None:
    workers = [worker_of(f"{number:03}{'n' * 249}", slots=4) for number in range(600)]
    plan = balance(settings_of(), workers, LocalCapacity(64, None))
    assert {len(share.entry) for share in plan.shares} == {263}
    assert len(plan.shares) * 264 == 128 * 1024 - 128


WORKERS = st.lists(
    st.builds(
        worker_of,
        slots=st.integers(1, 4096),
        load=st.none() | st.floats(0, 1000),
        free_memory_mib=st.none() | st.integers(0, 10**6),
    ),
    max_size=8,
)
COUNTS = st.integers(0, 100)
SETTINGS = st.builds(
    settings_of,
    COMPILER_MEMORY=st.sampled_from([0, 1, 512, 1024, 4096, 999999999]),
    EARLY_LOCAL_JOBS=COUNTS,
    FALLBACK_LOCAL_JOBS=st.just("") | COUNTS,
    PREPROCESSOR_SATURATION_JOBS=st.just("") | COUNTS,
)
LOCALS = st.builds(
    LocalCapacity,
    st.integers(1, 512),
    st.none() | st.integers(0, 10**6),
    st.none() | st.integers(0, 10**5),
)


def has_no_room(worker: Worker, settings: Settings) -> bool:
    free = worker.stats.free_memory_mib
    return free is not None and free < settings.compiler_memory_mib


@given(SETTINGS, WORKERS, LOCALS)
def test_any_plan_fits_the_workers_and_this_machine(
    settings: Settings, workers: list[Worker], local: LocalCapacity
) -> None:
    try:
        plan = balance(settings, workers, local)
    except NoCapacityError:
        each = settings.compiler_memory_mib
        assert settings.fallback_local_jobs == 0 or (local.memory_mib is not None and local.memory_mib < each)
        assert all(has_no_room(worker, settings) for worker in workers)
        return
    used = [share.worker for share in plan.shares]
    assert sorted(map(id, [*used, *plan.dropped])) == sorted(map(id, workers))
    for share in plan.shares:
        assert 1 <= share.jobs <= share.worker.stats.slots
        free = share.worker.stats.free_memory_mib
        assert free is None or share.jobs * settings.compiler_memory_mib <= free
    assert all(has_no_room(worker, settings) for worker in plan.dropped)
    for share, following in itertools.pairwise(plan.shares):
        assert share.jobs >= following.jobs
    assert local.memory_mib is None or plan.local_jobs * settings.compiler_memory_mib <= local.memory_mib
    assert plan.remote_jobs == sum(share.jobs for share in plan.shares)
    assert plan.wanted_jobs == plan.remote_jobs + plan.local_jobs + plan.saturation_jobs
    assert plan.jobs == (plan.limit.jobs if plan.limit else plan.wanted_jobs)
    assert 1 <= plan.jobs <= plan.wanted_jobs
    assert plan.shares or not plan.saturation_jobs
    assert plan.pause_ms >= 20
    assert max(1, plan.local_jobs) <= plan.local_slots <= max(local.threads, plan.local_jobs)
