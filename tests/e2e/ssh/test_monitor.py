"""`distcc-driver monitor` beside builds over tunnels: each has the name that its user wrote."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tests.e2e.test_monitor import compiled_by, held, name_of, start_held
from tests.support.commands import run_driver
from tests.support.gate import finish, running
from tests.support.monitors import Monitor, files_at
from tests.support.servers import Server, with_loads
from tests.support.shells import MASQUERADE, UserShell, write_c_project

from .conftest import behind

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.distccd import Distccd
    from tests.support.heldcompilers import HeldCompilers
    from tests.support.sshd import Sshd, SshUser

__all__ = ["held", "start_held"]


def test_who_compiles_what_over_two_tunnels_and_one_tcp_worker(
    user_shell: UserShell,
    ssh: SshUser,
    start_sshd: Callable[..., Sshd],
    start_held: Callable[[int], Distccd],
    held: HeldCompilers,
) -> None:
    workers = [start_held(2), start_held(1), start_held(2)]
    entries = [
        behind(ssh.worker(name, start_sshd()), worker)
        for name, worker in zip(("build-1", "build-2"), workers, strict=False)
    ]
    environ = user_shell.environ
    environ["PATH"] = f"{MASQUERADE}:{environ['PATH']}"
    environ["DISTCC_AUTO_HOSTS"] = " ".join([*entries, workers[2].spec])
    write_c_project(user_shell.cwd / "project", 5)
    names = [*entries, name_of(workers[2])]
    with (
        contextlib.ExitStack() as stack,
        running(user_shell, "distcc_build make -C project") as process,
        Monitor(environ, user_shell.cwd) as monitor,
    ):
        stack.callback(held.close)
        build = monitor.until(lambda build: len(files_at(build)) == 5)
        seen = files_at(build)
        assert sorted(worker["host"] for worker in build["workers"]) == sorted(names)
        assert {worker["host"]: worker["via"] for worker in build["workers"]} == dict(
            zip(names, ("ssh", "ssh", "tcp"), strict=True)
        )
        text = run_driver(environ, user_shell.cwd, "monitor", "--once", str(user_shell.cwd)).stdout
        assert [name in text for name in names] == [True] * 3
        held.release(5)
        assert finish(process)[0] == 0
        assert monitor.wait() == (0, "")
    for worker, name in zip(workers, names, strict=True):
        assert {file for file, host in seen.items() if host == name} == compiled_by(worker)


def test_the_load_of_a_worker_behind_a_tunnel(
    user_shell: UserShell,
    ssh: SshUser,
    start_sshd: Callable[..., Sshd],
    start_held: Callable[[int], Distccd],
    held: HeldCompilers,
) -> None:
    """A server of ours replaces the load; the session tells where the tunnel to its port begins."""
    worker = start_held(2)
    environ = user_shell.environ
    environ["PATH"] = f"{MASQUERADE}:{environ['PATH']}"
    write_c_project(user_shell.cwd / "project", 2)
    with (
        contextlib.ExitStack() as stack,
        Server(with_loads(worker.address, worker.stats_port, 1.0, 3.0, 5.6)) as server,
    ):
        entry = f"ssh://{ssh.worker('build-1', start_sshd())}/{worker.job_port}/{server.port}"
        environ["DISTCC_AUTO_HOSTS"] = entry
        process = stack.enter_context(running(user_shell, "distcc_build make -C project"))
        stack.callback(held.close)
        monitor = stack.enter_context(Monitor(environ, user_shell.cwd))
        build = monitor.until(lambda build: files_at(build) and build["workers"][0]["load"] is not None)
        (seen,) = build["workers"]
        assert (seen["host"], seen["via"], seen["load"]) == (entry, "ssh", 3.2)
        held.release(2)
        assert finish(process)[0] == 0
        assert monitor.wait() == (0, "")
