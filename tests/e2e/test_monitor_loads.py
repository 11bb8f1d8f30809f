"""The loads of workers in `distcc-driver monitor`: real daemons, whose loads a server of ours replaces."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import run_driver
from tests.support.distccd import Distccd
from tests.support.monitors import Monitor, files_at
from tests.support.ports import free_ports
from tests.support.servers import Server, with_loads
from tests.support.shapes import assert_shape
from tests.support.worker import free_job_port

from .test_monitor import client, compile_one, held

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.heldcompilers import HeldCompilers

__all__ = ["held"]


@pytest.fixture
def worker(held: HeldCompilers, environ: dict[str, str]) -> Iterator[Distccd]:
    """A worker whose compilers wait. The port after its job port is free."""
    started = Distccd(4, environ=held.environ, ports=(free_job_port(), *free_ports(1)))
    environ["DISTCC_HOSTS"] = started.distcc_host
    yield started
    held.close()
    started.stop()


@pytest.fixture
def build(worker: Distccd, environ: dict[str, str], work: Path) -> Iterator[object]:
    """A file that compiles on the one worker."""
    del worker
    (work / "a.c").write_text("int a;\n")
    with client(environ, work, *compile_one("a.c")) as process:
        yield process


@pytest.fixture
def tells_load(worker: Distccd) -> Iterator[Server]:
    """At the port after the job port, the page of the worker with a mean load of 3.2."""
    answer = with_loads(worker.address, worker.stats_port, 1.0, 3.0, 5.6)
    with Server(answer, port=worker.job_port + 1) as server:
        yield server


@pytest.mark.usefixtures("build")
def test_the_load_of_a_worker(environ: dict[str, str], work: Path, tells_load: Server) -> None:
    with Monitor(environ, work) as monitor:
        build = monitor.until(lambda build: build["workers"][0]["load"] is not None)
        assert_shape(build, "running build")
        assert build["workers"][0]["load"] == 3.2
    asked = tells_load.connections
    done = run_driver(environ, work, "monitor", "--once", str(work))
    assert "a.c" in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if "1/4" in line]
    assert line.endswith(" s  load 3.2")
    done = run_driver(environ, work, "monitor", "--once", "--json", str(work))
    assert json.loads(done.stdout)["builds"][0]["workers"][0]["load"] == 3.2
    assert tells_load.connections == asked + 2


@pytest.mark.usefixtures("build")
def test_a_worker_is_asked_once_in_10_s(environ: dict[str, str], work: Path, tells_load: Server) -> None:
    with Monitor(environ, work) as monitor:
        monitor.until(lambda build: build["workers"][0]["load"] is not None)
        for _ in range(12):
            monitor.document()
        count, counted = tells_load.connections, time.time()
        while (picture := monitor.document())["time"] < counted:
            pass
        assert 1 <= count <= 1 + picture["elapsed_s"] // 10


@pytest.mark.usefixtures("build")
def test_a_silent_stats_port_does_not_stop_the_view(
    environ: dict[str, str], work: Path, worker: Distccd
) -> None:
    opened: list[float] = []
    closed = threading.Event()

    def hold(connection: socket.socket, closing: threading.Event) -> None:
        """Say nothing until the client closes the connection."""
        del closing
        opened.append(time.time())
        with contextlib.suppress(OSError):
            while connection.recv(4096):
                pass
        closed.set()

    with Server(hold, port=worker.job_port + 1) as server, Monitor(environ, work) as monitor:
        pictures = []
        while not closed.is_set():
            pictures.append(monitor.document())
        assert sum(picture["time"] > opened[0] for picture in pictures[:-1]) > 2
        build = monitor.until(files_at)
        assert build["workers"][0]["load"] is None
        assert server.connections == 1


@pytest.mark.usefixtures("build")
def test_without_a_stats_port_there_is_no_load(environ: dict[str, str], work: Path) -> None:
    done = run_driver(environ, work, "monitor", "--once", str(work))
    assert "a.c" in done.stdout
    assert "load" not in done.stdout
