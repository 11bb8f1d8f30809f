"""The simulated clusters with the driver's plan for each, and how close the build comes to its bound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from distcc_driver.core.balance import Plan, balance
from distcc_driver.core.facts import Endpoint, LocalCapacity
from distcc_driver.core.facts import Worker as Found
from distcc_driver.core.hostspec import TcpHost, parse_host
from distcc_driver.core.settings import read_settings
from distcc_driver.core.stats import WorkerStats

from .model import File, User, Worker

# CPU seconds, measured with distcc 3.4: a look at a lock file, a wake-up, the start of a job by make.
LOOK_S = 5e-6
WAKE_S = 50e-6
SPAWN_S = 1e-3

# The CPU time of the user's machine for a file, as a share of its time on a worker: for C++ with a few
# standard headers (measured), and for a file so cheap that 16 cores can feed 1600 slots.
_CPP = 1 / 9
_LIGHT = 1 / 100
_CORES = 16


@dataclass(frozen=True, slots=True)
class Scenario:
    """Builds to simulate. `way` says how the scenario differs from others of the same `name`."""

    name: str
    way: str
    workers: list[Worker]
    users: list[User]


def plan_for(workers: Sequence[Worker], cores: int) -> Plan:
    """The driver's plan on a machine with this number of `cores` and enough memory."""
    settings = read_settings({"DISTCC_AUTO_HOSTS": "worker"})
    found = [_found(number, worker.slots) for number, worker in enumerate(workers)]
    return balance(settings, found, LocalCapacity(cores, None))


def _found(number: int, slots: int) -> Found:
    host = parse_host(f"10.0.{number // 250}.{number % 250}")
    assert isinstance(host, TcpHost)
    endpoint = Endpoint(host, host.address, host.job_port, host.stats_port)
    return Found(endpoint, WorkerStats(slots, 0.0, None), host.address)


def planned(workers: Sequence[Worker], files: Sequence[File], cores: int = _CORES) -> User:
    """A user who runs `distcc_build make`. The workers must be in the order of the plan: most slots first."""
    plan = plan_for(workers, cores)
    return User(
        files,
        plan.jobs,
        cores,
        localslots_cpp=plan.saturation_jobs,
        localslots=plan.local_slots,
        pause_s=plan.pause_ms / 1000,
        look_s=LOOK_S,
        wake_s=WAKE_S,
        spawn_s=SPAWN_S,
    )


def files_of(mean_s: float, number: int, share: float) -> list[File]:
    """Files that take 0.2 to 1.8 times the mean.

    The user's machine spends that `share` of the time on each.
    """
    return [_file(mean_s * (index % 9 + 1) / 5, share) for index in range(number)]


def _file(seconds: float, share: float) -> File:
    client_s = seconds * share
    return File(
        seconds, cpp_s=0.7 * client_s, start_s=0.1 * client_s, send_s=0.1 * client_s, finish_s=0.1 * client_s
    )


def scenarios() -> Iterator[Scenario]:
    """All scenarios, in the order in which the table shows them."""
    yield from _sizes()
    yield from _speeds()
    yield from _failures()
    yield from _crowds()
    yield from _settings()


def _sizes() -> Iterator[Scenario]:
    for hosts, slots, share, number in (
        (8, 16, _CPP, 1800),
        (20, 16, _CPP, 3600),
        (100, 64, _CPP, 9000),
        (100, 64, 1 / 50, 9000),
        (16, 64, 1 / 500, 9000),
        (40, 64, 1 / 500, 18000),
        (100, 64, 1 / 500, 27000),
        (1000, 8, 1 / 500, 27000),
    ):
        workers = [Worker(slots)] * hosts
        user = planned(workers, files_of(5.0, number, share))
        yield Scenario(f"{hosts} x {slots}", f"client's part 1/{round(1 / share)}", workers, [user])


def _speeds() -> Iterator[Scenario]:
    fast, usual, slow = [Worker(8, speed=2.0)] * 10, [Worker(8)] * 10, [Worker(8, speed=0.5)] * 10
    for way, workers in {"fast first": fast + usual + slow, "slow first": slow + usual + fast}.items():
        yield Scenario(
            "10 each of speed 2, 1, 1/2", way, workers, [planned(workers, files_of(5.0, 3600, _LIGHT))]
        )


def _failures() -> Iterator[Scenario]:
    files = files_of(5.0, 6300, _LIGHT)
    for way, silent in {"refuse": False, "fall silent": True}.items():
        dying = Worker(8, fails_at_s=20.0, silent=silent)
        workers = [dying if number % 10 == 5 else Worker(8) for number in range(100)]
        yield Scenario("100 x 8, 10 die at 20 s", way, workers, [planned(workers, files)])
    short = replace(planned(workers, files), io_timeout_s=30.0)
    yield Scenario("100 x 8, 10 die at 20 s", "fall silent, I/O timeout 30 s", workers, [short])


def _crowds() -> Iterator[Scenario]:
    workers = [Worker(16)] * 8
    for mean_s, users in ((5.0, 1), (5.0, 2), (5.0, 4), (5.0, 8), (60.0, 1), (60.0, 4)):
        user = planned(workers, files_of(mean_s, 900, _LIGHT))
        yield Scenario(f"8 x 16, files of {mean_s:.0f} s", f"users at once: {users}", workers, [user] * users)


def _settings() -> Iterator[Scenario]:
    workers = [Worker(16)] * 8
    plan = planned(workers, files_of(5.0, 1800, _LIGHT))
    for jobs in (32, 64, 128, 144, 256, 1024):
        yield Scenario("8 x 16, jobs", f"-j {jobs}", workers, [replace(plan, jobs=jobs)])
    for pause_s in (0.01, 0.1, 1.0, 10.0):
        yield Scenario("8 x 16, pause", f"{pause_s:g} s", workers, [replace(plan, pause_s=pause_s)])
    for number in (2, 16, 128):
        user = replace(plan, localslots_cpp=number)
        yield Scenario("8 x 16, preprocessors", f"localslots_cpp {number}", workers, [user])
    many = [Worker(64)] * 100
    plan = planned(many, files_of(5.0, 9000, _CPP))
    for jobs in (160, 320, 640, 6416):
        yield Scenario("100 x 64, 1/9, jobs", f"-j {jobs}", many, [replace(plan, jobs=jobs)])
    plan = planned(many, files_of(5.0, 27000, 1 / 500))
    yield Scenario("100 x 64, 1/500", "-j 3200", many, [replace(plan, jobs=3200)])
    for pause_s in (1.0, 20.0, 60.0):
        yield Scenario("100 x 64, 1/500", f"pause {pause_s:g} s", many, [replace(plan, pause_s=pause_s)])
