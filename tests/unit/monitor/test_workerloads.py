"""Which stats port a worker has, and how often it is asked for its load."""

from __future__ import annotations

import pytest

from distcc_driver.monitor.hostlist import parse_host_list
from distcc_driver.monitor.workerloads import StatsPort, WorkerLoads, find_stats_ports
from distcc_driver.ssh.session import OpenTunnel
from tests.support.ports import LOOPBACK, refusing_port
from tests.support.servers import Server, empty, html, saying

PAGE = "<distccstats>\ndcc_max_kids 4\ndcc_load1 1.0\ndcc_load2 3\ndcc_load3 5.60\n</distccstats>\n"


@pytest.mark.parametrize(
    ("entry", "port"),
    [
        ("worker-1/4,lzo", StatsPort("worker-1", 3633)),
        ("10.0.0.1:4000/4", StatsPort("10.0.0.1", 4001)),
        ("[fe80::1%eth0]:4000", StatsPort("fe80::1%eth0", 4001)),
        ("worker-1:65535", None),
        ("wörker", None),
        ("@worker-1", None),
    ],
)
def test_the_stats_port_of_a_worker(entry: str, port: StatsPort | None) -> None:
    entries = parse_host_list(entry).entries
    assert find_stats_ports(entries, {}) == ({entries[0].key: port} if port else {})


def test_a_job_port_of_the_list_is_no_stats_port() -> None:
    entries = parse_host_list("worker-1:3632 worker-1:3633 worker-2:3632").entries
    assert find_stats_ports(entries, {}) == {
        "tcp_worker-1_3633": StatsPort("worker-1", 3634),
        "tcp_worker-2_3632": StatsPort("worker-2", 3633),
    }


@pytest.mark.parametrize("stats_port", [40007, None])
def test_the_session_has_the_stats_port_of_a_tunnel(stats_port: int | None) -> None:
    (entry,) = parse_host_list(f"{LOOPBACK}:40001/4").entries
    tunnels = {entry.key: OpenTunnel(0, 40001, "ssh://worker-1", stats_port)}
    found = {entry.key: StatsPort(LOOPBACK, stats_port)} if stats_port else {}
    assert find_stats_ports([entry], tunnels) == found


def asked(loads: WorkerLoads, *ports: StatsPort) -> list[float | None]:
    loads.ask(ports)
    loads.wait(30)
    return [loads.of(port) for port in ports]


def test_each_port_is_asked_once_in_a_period() -> None:
    with Server(saying(PAGE.encode())) as server:
        port = StatsPort(LOOPBACK, server.port)
        loads = WorkerLoads()
        assert loads.of(port) is None
        for _ in range(3):
            assert asked(loads, port, port) == [pytest.approx(3.2)] * 2
        assert server.connections == 1
        loads = WorkerLoads(0.0)
        for _ in range(3):
            asked(loads, port)
        assert server.connections == 4


@pytest.mark.parametrize("answer", [empty, html, saying(b"<distccstats>\n</distccstats>\n")])
def test_a_port_that_is_no_distccds_is_asked_once(answer: object) -> None:
    loads = WorkerLoads(0.0)
    with Server(answer) as server, Server(saying(PAGE.encode())) as other:  # type: ignore[arg-type]
        ports = StatsPort(LOOPBACK, server.port), StatsPort(LOOPBACK, other.port)
        for _ in range(3):
            assert asked(loads, *ports) == [None, pytest.approx(3.2)]
        assert (server.connections, other.connections) == (1, 3)


def test_a_worker_that_has_stopped_answering_has_no_load() -> None:
    loads = WorkerLoads(0.0)
    with Server(saying(PAGE.encode())) as server:
        port = StatsPort(LOOPBACK, server.port)
        assert asked(loads, port) == [pytest.approx(3.2)]
    assert asked(loads, port) == [None]


def test_more_workers_than_are_asked_at_once() -> None:
    loads = WorkerLoads()
    with Server(saying(PAGE.encode())) as server, refusing_port() as refusing:
        ports = [StatsPort(f"127.0.1.{number}", refusing) for number in range(40)]
        assert asked(loads, *ports, StatsPort(LOOPBACK, server.port)) == [*[None] * 40, pytest.approx(3.2)]
