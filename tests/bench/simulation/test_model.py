"""The model, on small builds whose result is calculated by hand. Costs that a test does not mention are 0."""

from __future__ import annotations

import pytest

from tests.bench.simulation.model import File, Result, User, Worker, bound_s, cores_bound_s, simulate


def seconds(value: float) -> object:
    return pytest.approx(value, abs=1e-9)


def build(workers: list[Worker], user: User) -> Result:
    return simulate(workers, [user])


def test_equal_files_take_one_round_for_each_time_that_all_slots_are_filled() -> None:
    workers = [Worker(2), Worker(1)]
    result = build(workers, User([File(1.0)] * 6, jobs=3, cores=1))
    assert result.makespan_s == seconds(2.0) == bound_s(workers, [User([File(1.0)] * 6, 3, 1)])
    assert result.loads == [seconds(1.0), seconds(1.0)]


def test_first_jobs_go_to_slot_0_of_every_host_in_list_order() -> None:
    result = build([Worker(3), Worker(1), Worker(2)], User([File(1.0)] * 4, jobs=4, cores=1))
    assert [load * slots for load, slots in zip(result.loads, (3, 1, 2), strict=True)] == [
        seconds(2.0),  # slots 0 and 1
        seconds(1.0),
        seconds(1.0),
    ]


def test_fewer_jobs_than_slots_leave_slots_idle() -> None:
    assert build([Worker(4)], User([File(1.0)] * 4, jobs=2, cores=1)).makespan_s == seconds(2.0)


def test_job_without_a_slot_looks_again_only_after_the_whole_pause() -> None:
    """The job looks at 0, 0.4, 0.8 and 1.2 s. The slot is free from 1.0 s on."""
    user = User([File(1.0)] * 2, jobs=2, cores=1, pause_s=0.4)
    assert build([Worker(1)], user).makespan_s == seconds(2.2)


def test_faster_worker_does_more_files() -> None:
    """The fast worker ends jobs at 1, 2 and 3 s, the slow one at 3 s."""
    result = build([Worker(1, speed=3.0), Worker(1)], User([File(3.0)] * 4, jobs=2, cores=1))
    assert result.makespan_s == seconds(3.0)


def test_preprocessors_share_the_cores() -> None:
    """Three jobs preprocess on two cores for 1.5 s, then each compiles on a worker for 1 s."""
    user = User([File(1.0, cpp_s=1.0)] * 3, jobs=3, cores=2)
    assert build([Worker(3)], user).makespan_s == seconds(2.5)


def test_preprocessors_are_limited_and_wait_with_the_same_pause() -> None:
    """One job preprocesses at 0 s. The other looks at 0, 0.7 and 1.4 s, and preprocesses at 1.4 s."""
    user = User([File(1.0, cpp_s=1.0)] * 2, jobs=2, cores=2, localslots_cpp=1, pause_s=0.7)
    assert build([Worker(2)], user).makespan_s == seconds(3.4)


def test_all_cpu_time_of_a_file_is_spent_and_counted() -> None:
    file = File(1.0, cpp_s=0.2, start_s=0.1, send_s=0.3, finish_s=0.4)
    result = build([Worker(1)], User([file], jobs=1, cores=1))
    assert (result.makespan_s, result.users[0].client_s) == (seconds(2.0), seconds(1.0))
    assert cores_bound_s([User([file] * 4, jobs=1, cores=2)]) == seconds(2.0)


def test_looking_takes_cpu_time_for_each_host_and_each_slot_up_to_the_free_one() -> None:
    """The first job looks at 2 hosts, 1 slot and 1 local lock. The second looks at one slot more."""
    user = User([File(100.0)] * 2, jobs=2, cores=2, look_s=1.0, spawn_s=10.0)
    result = build([Worker(1), Worker(1)], user)
    assert result.users[0].looking_s == seconds(4.0 + 5.0)
    assert result.makespan_s == seconds(20.0 + 5.0 + 100.0)


def test_worker_that_refuses_is_avoided_for_the_back_off() -> None:
    """The failed job looks at the other worker from 0.5 s on.

    That worker is free at 3.0 s, and the job sees it at 3.3 s.
    """
    user = User([File(1.0)] * 4, jobs=2, cores=1, pause_s=0.4)
    result = build([Worker(1, fails_at_s=0.5), Worker(1)], user)
    assert (result.makespan_s, result.users[0].failures) == (seconds(4.3), 1)
    assert result.loads == [seconds(0.5 / 4.3), seconds(4.0 / 4.3)]


def test_worker_is_tried_again_after_the_back_off() -> None:
    user = User([File(1.0)] * 4, jobs=1, cores=1, backoff_s=1.5)
    result = build([Worker(1, fails_at_s=0.0), Worker(1)], user)
    assert (result.makespan_s, result.users[0].failures) == (seconds(4.0), 2)  # at 0 and 2 s


def test_silent_worker_costs_a_connect_timeout_under_the_lock_for_preprocessing() -> None:
    """The first job holds the lock for preprocessing for 4 s.

    The second sees at 5 s that it is free, and ends at 7 s.
    """
    user = User([File(1.0, cpp_s=1.0)] * 2, jobs=2, cores=2, localslots_cpp=1, pause_s=5.0)
    result = build([Worker(1, fails_at_s=0.0, silent=True), Worker(1)], user)
    # The first job finds the other slot taken at 4 s, and free at 9 s.
    assert (result.makespan_s, result.users[0].failures) == (seconds(11.0), 1)


def test_job_on_a_worker_that_falls_silent_waits_for_the_io_timeout() -> None:
    user = User([File(2.0)], jobs=1, cores=1, io_timeout_s=30.0)
    result = build([Worker(1, fails_at_s=1.0, silent=True), Worker(1)], user)
    assert result.makespan_s == seconds(30.0 + 2.0)


def test_file_without_a_worker_is_compiled_here() -> None:
    """At 1.0 s both jobs fail. The second sees after a pause that the one local slot is free."""
    user = User([File(1.0, cpp_s=0.5)] * 2, jobs=2, cores=2, localslots=1, pause_s=1.75)
    result = build([Worker(2, fails_at_s=1.0)], user)
    assert (result.makespan_s, result.users[0].compiled_here) == (seconds(1.0 + 1.75 + 1.5), 2)


def test_users_of_one_worker_wait_in_its_queue() -> None:
    """Each user's client takes the slot for free. The second job begins when the first has ended."""
    users = [User([File(1.0)], jobs=1, cores=1), User([File(1.0)], jobs=1, cores=1, starts_at_s=0.5)]
    result = simulate([Worker(1)], users)
    assert [user.makespan_s for user in result.users] == [seconds(1.0), seconds(1.5)]
    assert result.makespan_s == seconds(2.0)


def test_job_that_waits_in_a_queue_for_too_long_gives_up_on_that_worker() -> None:
    users = [User([File(9.0)], jobs=1, cores=1), User([File(1.0)], jobs=1, cores=1, io_timeout_s=3.0)]
    result = simulate([Worker(1), Worker(1, speed=0.5)], users)
    assert (result.users[1].makespan_s, result.users[1].failures) == (seconds(3.0 + 2.0), 1)


@pytest.mark.parametrize(
    ("workers", "bound"),
    [
        ([Worker(4)], 3.0),
        ([Worker(2), Worker(1, speed=2.0)], 3.0),
        ([Worker(2), Worker(2, fails_at_s=1.0)], 5.0),
        ([Worker(2), Worker(2, fails_at_s=9.0)], 3.0),
    ],
)
def test_bound_counts_slots_as_long_as_they_live(workers: list[Worker], bound: float) -> None:
    assert bound_s(workers, [User([File(1.0)] * 12, jobs=1, cores=1)]) == seconds(bound)


def test_bound_is_at_least_the_longest_file() -> None:
    assert bound_s([Worker(9, speed=2.0)], [User([File(8.0)], jobs=1, cores=1)]) == seconds(4.0)
