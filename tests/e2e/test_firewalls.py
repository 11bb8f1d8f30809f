"""Ports that a firewall rejects, by each kind of message: the driver names the cause."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.support.distccd import Distccd
from tests.support.network import Network, Wire, may_have_wires
from tests.support.planned import planned

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(
    not may_have_wires(), reason="this process may not make networks and tun devices"
)

_WORKER = {"icmp": "10.77.0.2", "icmpv6": "2001:db8::2"}
_CHAIN = "add table inet wall\nadd chain inet wall here {{ type filter hook {hook} priority 0; }}\n"
_FIREWALL = "cannot be reached, a firewall rejects it; open the port in the firewall on that machine"
_REFUSED = "refused the connection; is distccd running there with --stats?"
_IPV4 = ["net-unreachable", "host-unreachable", "prot-unreachable", "port-unreachable"]
_IPV4 += ["net-prohibited", "host-prohibited", "admin-prohibited"]
_IPV6 = [
    "no-route",
    "admin-prohibited",
    "addr-unreachable",
    "port-unreachable",
    "policy-fail",
    "reject-route",
]
_TYPES = [*(("icmp", name) for name in _IPV4), *(("icmpv6", name) for name in _IPV6)]


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as network:
        network.run("ip", "address", "add", "10.77.0.2/32", "dev", "lo")
        network.run("ip", "address", "add", "2001:db8::2/128", "dev", "lo")
        yield network


def said_of(network: Network, environ: dict[str, str], host: str) -> str:
    """The line of a plan about a host that it leaves out."""
    environ = {**environ, "DISTCC_AUTO_HOSTS": host, "DISTCC_AUTO_CONNECT_TIMEOUT": "5"}
    line, _ = network.call(lambda: planned(environ)).lines
    start = f"distcc-driver: {host}: "
    assert line.startswith(start)
    return line.removeprefix(start)


def wall(network: Network, hook: str, what: str) -> None:
    """Let the firewall of a network apply an action to all packets for the ports of distccd."""
    rule = f"add rule inet wall here tcp dport 3632-3633 {what}\n"
    network.run("nft", "-f", "-", said=_CHAIN.format(hook=hook) + rule)


@pytest.mark.parametrize(("family", "name"), _TYPES, ids=[" ".join(it) for it in _TYPES])
def test_a_machine_that_rejects(family: str, name: str, network: Network, environ: dict[str, str]) -> None:
    """A machine that sends such a message is up, whatever the message says."""
    protocol = "ipv6" if family == "icmpv6" else "ipv4"
    wall(network, "input", f"meta nfproto {protocol} reject with {family} type {name}")
    host = f"[{_WORKER[family]}]" if family == "icmpv6" else _WORKER[family]
    assert said_of(network, environ, host) == f"stats port 3633 {_FIREWALL}"


def test_a_reset_is_what_a_port_sends_where_nobody_listens(network: Network, environ: dict[str, str]) -> None:
    assert said_of(network, environ, "10.77.0.2") == f"stats port 3633 {_REFUSED}"
    wall(network, "input", "reject with tcp reset")
    assert said_of(network, environ, "10.77.0.2") == f"stats port 3633 {_REFUSED}"


def test_a_job_port_that_is_rejected(network: Network, environ: dict[str, str]) -> None:
    distccd = network.call(lambda: Distccd(4, "10.77.0.2"))
    try:
        rule = f"add rule inet wall here tcp dport {distccd.job_port} reject with icmp type host-prohibited\n"
        network.run("nft", "-f", "-", said=f"{_CHAIN.format(hook='input')}{rule}")
        assert said_of(network, environ, distccd.spec) == f"job port {distccd.job_port} {_FIREWALL}"
    finally:
        network.call(distccd.stop)


_ON_THE_WAY = (
    "cannot be reached, a firewall rejects it; "
    "open the port in the firewall at 10.99.0.2, on the way to that machine"
)
_NO_ROUTE = "cannot be reached, no route to host; "
_NO_ROUTE += "does a firewall reject it, is the machine up, and the network right?"


@pytest.mark.parametrize(
    ("route", "reason"),
    [("prohibit", _ON_THE_WAY), ("unreachable", _NO_ROUTE)],
    ids=["prohibit", "unreachable"],
)
def test_a_router_that_rejects(route: str, reason: str, environ: dict[str, str]) -> None:
    """A machine that is down and some firewalls cause the same message: name both causes."""
    with (
        Network() as client,
        Network() as router,
        Wire(client, router, "10.99.0.1", "10.99.0.2", random.Random(1)),
    ):
        client.run("ip", "route", "add", "10.88.0.0/24", "via", "10.99.0.2")
        router.run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
        router.run("ip", "route", "add", route, "10.88.0.0/24")
        assert said_of(client, environ, "10.88.0.2") == f"stats port 3633 {reason}"


@pytest.mark.parametrize(
    ("route", "reason"),
    [
        ("prohibit", "cannot be reached, it is prohibited; does a firewall or a route reject it?"),
        ("unreachable", _NO_ROUTE),
    ],
)
def test_a_route_of_this_machine_that_rejects(
    route: str, reason: str, network: Network, environ: dict[str, str]
) -> None:
    network.run("ip", "route", "add", route, "10.88.0.0/24")
    assert said_of(network, environ, "10.88.0.2") == f"stats port 3633 {reason}"
