"""What distcc's client and distccd do with a build, from their sources (3.4) and traces of them.

The client, for each file (`dcc_build_somewhere` in compile.c, `dcc_lock_one` in where.c):

1. It reads the host list, without those that failed in the last 60 s (backoff.c).
2. It tries a lock file for each slot: slot 0 of every host in list order, then slot 1, ... If
   all are taken it sleeps for the pause, always equally long, and tries from the start.
3. Holding that lock, it takes one of the `--localslots_cpp` locks of this machine in the same
   way, preprocesses and connects at the same time, and gives it back before it sends.
4. It waits for the reply at most `DISTCC_IO_TIMEOUT`, and gives the slot back.
5. If the worker refuses, breaks off, or does not answer in time (4 s for a connection), every
   client of this user avoids it for 60 s, and this one begins again at 1.
6. With no host left it compiles here, under one of the `--localslots` locks: these are the same
   files as those for preprocessing (lock.c).

distccd works off connections in the order in which they came, at most `--jobs` at once
(prefork.c); up to 1024 more wait in the queue of its port, unaware of each other's users.

Left out: the network's own time, local jobs as a host of the list, links and other work of
make, memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from .kernel import Clock, Cores, Process, Wait

_CONNECT_TIMEOUT_S = 4.0  # dcc_connect_timeout in clinet.c


@dataclass(frozen=True, slots=True)
class Worker:
    """A distccd with `slots`, each compiling `speed` times as fast as `File.remote_s` says.

    At `fails_at_s` it ends for good: its connections break and new ones are refused, or, if
    `silent`, nothing is heard of it any more, as of a machine that lost its power.
    """

    slots: int
    speed: float = 1.0
    fails_at_s: float | None = None
    silent: bool = False


@dataclass(frozen=True, slots=True)
class File:
    """`remote_s` on a worker of speed 1, and CPU seconds that the user's machine spends on it.

    `start_s` before a slot is sought, `cpp_s` for preprocessing, `send_s` for what follows
    until the worker has all of it, `finish_s` after its reply.
    """

    remote_s: float
    cpp_s: float = 0.0
    start_s: float = 0.0
    send_s: float = 0.0
    finish_s: float = 0.0

    @property
    def client_s(self) -> float:
        """CPU seconds on the user's machine."""
        return self.start_s + self.cpp_s + self.send_s + self.finish_s


@dataclass(frozen=True, slots=True)
class User:
    """`make -j jobs` of `files` on a machine of `cores`; what has a default has distcc's own.

    CPU time is `look_s` for one look at one lock file, and as much for each host of the list and
    its back-off file; `wake_s` for waking up after a pause; `spawn_s` for make to start one of the
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

    `looking_s` of the `client_s` CPU seconds went into the search for slots. `failures` counts
    the attempts that a worker's end or silence foiled, `compiled_here` the files that no worker
    was left for.
    """

    makespan_s: float = 0.0
    client_s: float = 0.0
    looking_s: float = 0.0
    failures: int = 0
    compiled_here: int = 0


@dataclass(slots=True)
class Result:
    """How it went: `loads` is the share of its slots' time that each worker compiled.

    `makespan_s` is from the first start to the last end.
    """

    makespan_s: float
    loads: list[float]
    users: list[UserResult]


def simulate(workers: Sequence[Worker], users: Sequence[User]) -> Result:
    """Run every user's build to its end. All have the same `workers` in the same order."""
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
    """What no schedule can beat: all slots, or one user's cores, always busy, or the longest file."""
    longest_s = max(file.remote_s for user in users for file in user.files)
    return max(
        slots_bound_s(workers, sum(file.remote_s for user in users for file in user.files)),
        cores_bound_s(users),
        longest_s / max(worker.speed for worker in workers),
    )


def slots_bound_s(workers: Sequence[Worker], work_s: float) -> float:
    """How long all slots together take for `work_s`, each as long as its worker lives."""
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
    """How long the machine with the most to do takes for its own part of the work."""
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
        """Wait for the reply: true if there is one, false if the connection breaks or times out."""

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
        """End a job once; a client that gave up frees its place too."""
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
    """Lock files in the order in which they are tried. A set of them is an integer: bit n for file n."""

    def __init__(self, number: int) -> None:
        self._free = (1 << number) - 1

    def take(self, allowed: int) -> int | None:
        """Lock the first free one of those allowed, and tell which."""
        candidates = self._free & allowed
        if not candidates:
            return None
        first = candidates & -candidates
        self._free ^= first
        return first.bit_length() - 1

    def give_back(self, number: int) -> None:
        self._free |= 1 << number


class _Build:
    """One user's build: `jobs` processes that take one file after the other."""

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
        """The slots of workers that have not failed lately."""
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
