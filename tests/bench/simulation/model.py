"""Models distcc's client and distccd during a build, after their sources (3.4) and traces of real builds.

The client, for each file (`dcc_build_somewhere` in compile.c, `dcc_lock_one` in where.c):

1. It reads the host list, and skips hosts that failed in the last 60 s (backoff.c).
2. It tries a lock file for each slot: slot 0 of every host in list order, then slot 1, ... If
   all are taken, it sleeps for the pause, which always has the same length, and tries all again.
3. It keeps that lock, and takes one of the `--localslots_cpp` locks of this machine in the same
   way. It preprocesses and connects at the same time, and releases the second lock before it sends.
4. It waits for the reply, at most for `DISTCC_IO_TIMEOUT`, and releases the slot.
5. If the worker refuses, closes the connection, or does not answer in time (4 s for a connection),
   every client of this user avoids the worker for 60 s, and this client begins again at 1.
6. If no host is left, it compiles here, under one of the `--localslots` locks. These are the same
   files as the locks for preprocessing (lock.c).

distccd serves connections in the order in which they came, at most `--jobs` at once (prefork.c).
Up to 1024 more connections, of any users, wait in the queue of its port.

The model leaves out: the time of the network, local jobs as a host of the list, links and other
work of make, memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from .kernel import Clock, Cores, Process, Wait

_CONNECT_TIMEOUT_S = 4.0  # dcc_connect_timeout in clinet.c


@dataclass(frozen=True, slots=True)
class Worker:
    """A distccd with `slots`. Each slot compiles `speed` times as fast as `File.remote_s` says.

    At `fails_at_s` the worker ends for good. Its connections break, and it refuses new ones. If it is
    `silent`, it answers nothing instead, like a machine that has lost its power.
    """

    slots: int
    speed: float = 1.0
    fails_at_s: float | None = None
    silent: bool = False


@dataclass(frozen=True, slots=True)
class File:
    """The costs of a file: `remote_s` on a worker of speed 1, and CPU seconds of the user's machine.

    The user's machine spends `start_s` before the client looks for a slot, `cpp_s` for preprocessing,
    `send_s` until the worker has the file, and `finish_s` after the reply.
    """

    remote_s: float
    cpp_s: float = 0.0
    start_s: float = 0.0
    send_s: float = 0.0
    finish_s: float = 0.0

    @property
    def client_s(self) -> float:
        """All CPU seconds of the user's machine."""
        return self.start_s + self.cpp_s + self.send_s + self.finish_s


@dataclass(frozen=True, slots=True)
class User:
    """`make -j jobs` of `files` on a machine with `cores`. Default values are distcc's own.

    A client needs `look_s` of CPU time to look at one lock file, and the same for each host of the list and
    its back-off file. It needs `wake_s` to wake up after a pause. make needs `spawn_s` to start each of the
    first `jobs`, one after the other.
    """

    files: Sequence[File]
    jobs: int
    cores: int
    localslots_cpp: int = 8
    localslots: int = 4
    pause_s: float = 1.0
    look_s: float = 0.0
    wake_s: float = 0.0
    spawn_s: float = 0.0
    io_timeout_s: float = 300.0
    backoff_s: float = 60.0
    starts_at_s: float = 0.0


@dataclass(slots=True)
class UserResult:
    """How one user's build went.

    Of the `client_s` CPU seconds, `looking_s` were for the search for slots. `failures` counts the attempts
    that failed because a worker had ended or was silent. `compiled_here` counts the files for which no worker
    was left.
    """

    makespan_s: float = 0.0
    client_s: float = 0.0
    looking_s: float = 0.0
    failures: int = 0
    compiled_here: int = 0


@dataclass(slots=True)
class Result:
    """How the builds went. `loads` has, for each worker, the share of its slots' time in which it compiled.

    `makespan_s` is the time from the first start to the last end.
    """

    makespan_s: float
    loads: list[float]
    users: list[UserResult]


def simulate(workers: Sequence[Worker], users: Sequence[User]) -> Result:
    """Simulate the builds of all users to their end. All users have the same `workers` in the same order."""
    clock = Clock()
    servers = [_Server(clock, worker) for worker in workers]
    builds = [_Build(clock, servers, user) for user in users]
    clock.run_while(lambda: any(build.left for build in builds))
    makespan_s = max(build.ended_s for build in builds) - min(user.starts_at_s for user in users)
    return Result(
        makespan_s=makespan_s,
        loads=[server.busy_s / (server.worker.slots * makespan_s) for server in servers],
        users=[build.result for build in builds],
    )


def bound_s(workers: Sequence[Worker], users: Sequence[User]) -> float:
    """The least time of any schedule: for all slots, for a user's cores, or for the longest file."""
    longest_s = max(file.remote_s for user in users for file in user.files)
    return max(
        slots_bound_s(workers, sum(file.remote_s for user in users for file in user.files)),
        cores_bound_s(users),
        longest_s / max(worker.speed for worker in workers),
    )


def slots_bound_s(workers: Sequence[Worker], work_s: float) -> float:
    """The time that all slots together take for `work_s`. A slot counts until its worker ends."""
    rate = sum(worker.slots * worker.speed for worker in workers)
    now_s = 0.0
    for worker in sorted(workers, key=lambda worker: worker.fails_at_s or 0.0):
        if worker.fails_at_s is not None:
            if now_s + work_s / rate <= worker.fails_at_s:
                break
            work_s -= rate * (worker.fails_at_s - now_s)
            now_s = worker.fails_at_s
            rate -= worker.slots * worker.speed
    return now_s + work_s / rate


def cores_bound_s(users: Sequence[User]) -> float:
    """The longest time that a user's machine takes for its own part of the work."""
    return max(sum(file.client_s for file in user.files) / user.cores for user in users)


@dataclass(slots=True, eq=False)
class _Job:
    """A compilation that a client waits for."""

    process: Process
    seconds: float
    started_s: float = 0.0
    settled: bool = False


@dataclass(slots=True)
class _Server:
    """One distccd."""

    clock: Clock
    worker: Worker
    busy_s: float = 0.0
    alive: bool = True
    _running: set[_Job] = field(default_factory=set)
    _waiting: deque[_Job] = field(default_factory=deque)

    def __post_init__(self) -> None:
        if self.worker.fails_at_s is not None:
            self.clock.at(self.worker.fails_at_s, self._fail)

    def compile(self, seconds: float, io_timeout_s: float) -> Wait:
        """Wait for the reply. True if it comes; false if the connection breaks or times out."""

        def submit(process: Process) -> None:
            job = _Job(process, seconds / self.worker.speed)
            self.clock.at(self.clock.now_s + io_timeout_s, lambda: self._settle(job, False))
            if self.alive:
                self._waiting.append(job)
                self._start_next()
            elif not self.worker.silent:
                self._settle(job, False)

        return submit

    def _start_next(self) -> None:
        while self._waiting and len(self._running) < self.worker.slots:
            job = self._waiting.popleft()
            if not job.settled:
                self._run(job)

    def _run(self, job: _Job) -> None:
        job.started_s = self.clock.now_s
        self._running.add(job)
        self.clock.at(self.clock.now_s + job.seconds, lambda: self._done(job))

    def _done(self, job: _Job) -> None:
        if self.alive:
            self._settle(job, True)

    def _settle(self, job: _Job, answer: bool) -> None:
        """End a job, unless it has ended. A client that gives up frees its place in the queue, too."""
        if job.settled:
            return
        job.settled = True
        if job in self._running:
            self._running.remove(job)
            self.busy_s += self.clock.now_s - job.started_s
        if self.alive:
            self._start_next()
        self.clock.at(self.clock.now_s, lambda: self.clock.resume(job.process, answer))

    def _fail(self) -> None:
        self.alive = False
        if not self.worker.silent:
            for job in [*self._running, *self._waiting]:
                self._settle(job, False)


class _Locks:
    """Lock files, in the order in which clients try them. A set of files is an integer: bit n for file n."""

    def __init__(self, number: int) -> None:
        self._free = (1 << number) - 1

    def take(self, allowed: int) -> int | None:
        """Lock the first free one of the allowed files; return its number."""
        candidates = self._free & allowed
        if not candidates:
            return None
        first = candidates & -candidates
        self._free ^= first
        return first.bit_length() - 1

    def give_back(self, number: int) -> None:
        self._free |= 1 << number


class _Build:
    """One user's build: `jobs` processes, each of which takes one file after the other."""

    def __init__(self, clock: Clock, servers: Sequence[_Server], user: User) -> None:
        self.result = UserResult()
        self.left = len(user.files)
        self.ended_s = user.starts_at_s
        self._clock = clock
        self._user = user
        self._files = iter(user.files)
        self._cores = Cores(clock, user.cores)
        self._hosts = len(servers)
        most = max(server.worker.slots for server in servers)
        self._owners = [server for slot in range(most) for server in servers if slot < server.worker.slots]
        self._slots_of: dict[int, int] = {}
        for number, server in enumerate(self._owners):
            self._slots_of[id(server)] = self._slots_of.get(id(server), 0) | 1 << number
        self._slots = _Locks(len(self._owners))
        self._local = _Locks(max(user.localslots, user.localslots_cpp))
        self._disliked: dict[int, float] = {}
        clock.at(user.starts_at_s, lambda: clock.start(self._make()))

    def _make(self) -> Process:
        for _ in range(min(self._user.jobs, len(self._user.files))):
            yield self._cores.use(self._user.spawn_s)
            self._clock.start(self._work())

    def _work(self) -> Process:
        for file in self._files:
            yield self._cores.use(file.start_s)
            done = False
            while not done and (allowed := self._liked()):
                done = yield from self._distribute(file, allowed)
            if not done:
                yield from self._compile_here(file)
            yield self._cores.use(file.finish_s)
            self.left -= 1
            self.ended_s = self._clock.now_s
            self.result.makespan_s = self.ended_s - self._user.starts_at_s
            self.result.client_s = self._cores.used_s

    def _liked(self) -> int:
        """The slots of workers that this user's clients do not avoid now."""
        allowed = (1 << len(self._owners)) - 1
        for server, since_s in self._disliked.items():
            if self._clock.now_s - since_s < self._user.backoff_s:
                allowed &= ~self._slots_of[server]
        return allowed

    def _distribute(self, file: File, allowed: int) -> Generator[Wait, bool, bool]:
        yield self._look(self._hosts * self._user.look_s)
        slot = yield from self._lock(self._slots, allowed)
        server = self._owners[slot]
        done = yield from self._compile_there(file, server)
        if done:
            self._disliked.pop(id(server), None)
        else:
            self._disliked[id(server)] = self._clock.now_s
            self.result.failures += 1
        self._slots.give_back(slot)
        return done

    def _compile_there(self, file: File, server: _Server) -> Generator[Wait, bool, bool]:
        number = yield from self._lock(self._local, (1 << self._user.localslots_cpp) - 1)
        connected = server.alive
        if connected:
            yield self._cores.use(file.cpp_s)
        elif server.worker.silent:
            yield self._clock.sleep(_CONNECT_TIMEOUT_S)
        self._local.give_back(number)
        if not connected:
            return False
        yield self._cores.use(file.send_s)
        return (yield server.compile(file.remote_s, self._user.io_timeout_s))

    def _compile_here(self, file: File) -> Generator[Wait, bool, None]:
        number = yield from self._lock(self._local, (1 << self._user.localslots) - 1)
        yield self._cores.use(file.cpp_s + file.remote_s)
        self._local.give_back(number)
        self.result.compiled_here += 1

    def _lock(self, locks: _Locks, allowed: int) -> Generator[Wait, bool, int]:
        woken_s = 0.0
        while True:
            number = locks.take(allowed)
            seen = allowed if number is None else allowed & (2 << number) - 1
            yield self._look(woken_s + seen.bit_count() * self._user.look_s)
            if number is not None:
                return number
            yield self._clock.sleep(self._user.pause_s)
            woken_s = self._user.wake_s

    def _look(self, cpu_s: float) -> Wait:
        self.result.looking_s += cpu_s
        return self._cores.use(cpu_s)
