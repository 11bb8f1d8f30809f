"""Measures what waiting clients of distcc cost this machine.

A client that finds every slot locked sleeps for `DISTCC_PAUSE_TIME_MSEC` and looks again.
"""

from __future__ import annotations

import fcntl
import random
import resource
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from distcc_driver.core.balance import balance
from distcc_driver.core.facts import Endpoint, Worker
from distcc_driver.core.hostspec import TcpHost, parse_list
from distcc_driver.core.settings import read_settings
from distcc_driver.core.stats import WorkerStats
from distcc_driver.machine.capacity import local_capacity

from ..support.farm import address_of
from ..support.processes import wait_until
from .result import Result
from .shells import user_environ

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from distcc_driver.core.balance import Plan

    from .result import Case

_SHARE_PERCENT = 2.0
_DEFAULT_PAUSE_MS = 1000
_SHORT_PAUSE_MS = 20
_WATCHED_MS = 2000
_SLOTS_OF_A_WORKER = 64
_MOST_CLIENTS = 512
_FEW_RUNS = 2
_LOOK_S = 0.0005
_ASLEEP = "nanosleep"


def one_client(runs: int, slots: int) -> Iterator[Result]:
    """One client that waits for a worker's slot: its share of a core, for several pauses."""
    plan = _plan(slots)
    figures = {
        pause_ms: [_for_a_slot(plan, pause_ms, clients=1) for _ in range(min(runs, _FEW_RUNS))]
        for pause_ms in (_SHORT_PAUSE_MS, plan.pause_ms, _DEFAULT_PAUSE_MS)
    }
    for pause_ms, percents in figures.items():
        planned = ", as planned" if pause_ms == plan.pause_ms else ""
        yield Result(
            case=f"1 waits for {slots} slots",
            way=f"pause {pause_ms} ms{planned}",
            measured="of a core",
            measured_runs=percents,
            reference=f"pause {_SHORT_PAUSE_MS} ms",
            reference_runs=figures[_SHORT_PAUSE_MS],
            limit=None,
            unit="%",
        )


def all_clients(runs: int, slots: int) -> Iterator[Result]:
    """All clients that may wait at once: for a worker's slot, or with a slot for a preprocessor's lock.

    Of the clients with a slot some hundred are started. The cost of more clients is calculated from these.
    """
    plan = _plan(slots)
    threads = local_capacity().threads
    preprocessing = min(plan.remote_jobs, _MOST_CLIENTS)
    percents = []
    for _ in range(min(runs, _FEW_RUNS)):
        cores = _for_a_slot(plan, plan.pause_ms, plan.saturation_jobs)
        cores += _for_a_preprocessor(plan, preprocessing) * plan.remote_jobs / preprocessing
        percents.append(cores / threads)
    yield Result(
        case=f"all wait, {slots} slots",
        way=f"pause {plan.pause_ms} ms, as planned",
        measured="of this machine",
        measured_runs=percents,
        reference="allowed",
        reference_runs=[_SHARE_PERCENT],
        limit=1.0,
        unit="%",
    )


def freed_slot(runs: int, slots: int) -> Iterator[Result]:
    """How long a slot stays free until a waiting client looks again and takes it."""
    plan = _plan(slots)
    rng = random.Random(slots)
    names = _worker_locks(plan)
    waits_ms = []
    for _ in range(runs if plan.pause_ms < _DEFAULT_PAUSE_MS else min(runs, _FEW_RUNS)):
        with _locked(names) as state, _clients(plan, state, plan.pause_ms, plan.saturation_jobs):
            time.sleep(
                rng.random() * plan.pause_ms / 1000
            )  # so that the slot becomes free at a random moment of the pause
            waits_ms.append(_until_taken_ms(state / "lock" / rng.choice(names), plan.pause_ms))
    yield Result(
        case=f"a freed one of {slots} slots",
        way=f"{plan.saturation_jobs} wait, pause as planned",
        measured="taken after",
        measured_runs=waits_ms,
        reference="pause",
        reference_runs=[float(plan.pause_ms)],
        limit=1.0,
        unit="ms",
    )


def memory(runs: int) -> Iterator[Result]:
    """The private memory of a waiting client, beside the memory that the plan assumes for it."""
    plan = _plan(12)
    own_mib = []
    for _ in range(min(runs, _FEW_RUNS)):
        with _locked(_worker_locks(plan)) as state, _clients(plan, state, plan.pause_ms, 8) as found:
            own_mib += [_own_mib(client.pid) for client in found]
    yield Result(
        case="a client that waits",
        way="",
        measured="memory of its own",
        measured_runs=own_mib,
        reference="reckoned",
        reference_runs=[3.0],
        limit=1.0,
        unit="MiB",
    )


_SLOTS = (12, 64, 512, 4096)
CASES: dict[str, Case] = {
    **{f"one-{slots}": partial(one_client, slots=slots) for slots in _SLOTS},
    **{f"all-{slots}": partial(all_clients, slots=slots) for slots in _SLOTS},
    **{f"freed-{slots}": partial(freed_slot, slots=slots) for slots in _SLOTS},
    "memory": memory,
}


def _plan(slots: int) -> Plan:
    """The driver's plan on this machine, for workers with up to 64 slots each."""
    addresses = [address_of(number) for number in range(-(-slots // _SLOTS_OF_A_WORKER))]
    environ = {"DISTCC_AUTO_HOSTS": " ".join(addresses)}
    workers: list[Worker] = []
    for host in parse_list(environ["DISTCC_AUTO_HOSTS"])[0]:
        assert isinstance(host, TcpHost)
        endpoint = Endpoint(host, host.address, host.job_port, host.stats_port)
        left = slots - len(workers) * _SLOTS_OF_A_WORKER
        workers.append(Worker(endpoint, WorkerStats(min(left, _SLOTS_OF_A_WORKER)), host.address))
    return balance(read_settings(environ), workers, local_capacity())


def _worker_locks(plan: Plan) -> list[str]:
    return [
        f"cpu_tcp_{share.worker.endpoint.address}_{share.worker.endpoint.job_port}_{slot}"
        for share in plan.shares
        for slot in range(share.jobs)
    ]


def _for_a_slot(plan: Plan, pause_ms: int, clients: int) -> float:
    with _locked(_worker_locks(plan)) as state, _clients(plan, state, pause_ms, clients) as found:
        return _watched_percent(found, pause_ms)


def _for_a_preprocessor(plan: Plan, clients: int) -> float:
    locks = [f"cpu_localhost_{slot}" for slot in range(plan.saturation_jobs)]
    with _locked(locks) as state, _clients(plan, state, plan.pause_ms, clients) as found:
        return _watched_percent(found, plan.pause_ms)


@contextmanager
def _locked(names: Sequence[str]) -> Iterator[Path]:
    """A state directory of distcc with lock files. This process holds them as a client of distcc would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        state = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        (state / "lock").mkdir()
        for name in names:
            file = stack.enter_context((state / "lock" / name).open("w"))
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield state


def _until_taken_ms(lock: Path, pause_ms: int) -> float:
    """Free a slot by removing its lock file; return the time until a client has made the file again."""
    lock.unlink()
    start = time.perf_counter()
    while not lock.exists():
        time.sleep(_LOOK_S)
        if time.perf_counter() - start > 3 * pause_ms / 1000 + 1:
            raise RuntimeError(f"{lock.name}: no client takes the slot")
    return 1000 * (time.perf_counter() - start)


@contextmanager
def _clients(plan: Plan, state: Path, pause_ms: int, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start clients, and wait until all of them have looked for a slot and sleep."""
    source = state / "part.c"
    source.write_text("int part(void) { return 1; }\n")
    words = [f"--localslots_cpp={plan.saturation_jobs}", *(share.entry for share in plan.shares)]
    environ = {
        **user_environ(),
        "DISTCC_DIR": str(state),
        "DISTCC_FALLBACK": "0",
        "DISTCC_HOSTS": " ".join(words),
        "DISTCC_PAUSE_TIME_MSEC": str(pause_ms),
    }
    command = ["distcc", "gcc", "-c", str(source), "-o", str(state / "part.o")]
    found = [
        subprocess.Popen(command, env=environ, cwd=state, stderr=subprocess.DEVNULL) for _ in range(count)
    ]
    try:
        for client in found:
            wait_until(partial(_sleeps, client.pid), "a client waits")
        yield found
    finally:
        for client in found:
            client.kill()
        for client in found:
            client.wait()


def _sleeps(pid: int) -> bool:
    return _ASLEEP in Path(f"/proc/{pid}/wchan").read_text()


def _watched_percent(clients: Sequence[subprocess.Popen[bytes]], pause_ms: int) -> float:
    """The percentage of a core that all clients together take, during a whole number of pauses."""
    before_s, start = _processor_s(clients), time.perf_counter()
    time.sleep(max(1, _WATCHED_MS // pause_ms) * pause_ms / 1000)
    return 100 * (_processor_s(clients) - before_s) / (time.perf_counter() - start)


def _processor_s(clients: Sequence[subprocess.Popen[bytes]]) -> float:
    texts = [Path(f"/proc/{client.pid}/schedstat").read_text() for client in clients]
    return sum(int(text.split()[0]) for text in texts) / 1e9


def _own_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024
