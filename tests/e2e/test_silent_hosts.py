"""Hosts that do not answer, and hosts far away: how long a build waits for them."""

from __future__ import annotations

import random
from contextlib import ExitStack
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

_CLIENT, _FAR = "10.88.0.1", "10.88.0.2"
_ONE_WAY_S = 0.075


class Site:
    """A client with a worker of its own, and a wire to a network far away."""

    def __init__(self, client: Network, far: Network, wire: Wire, near_worker: Distccd) -> None:
        self.client = client
        self.far = far
        self.wire = wire
        self.near_worker = near_worker

    def lines(self, environ: dict[str, str], *hosts: str, **variables: str) -> list[str]:
        """What a plan over the near worker and these hosts says."""
        hosts = (self.near_worker.spec, *hosts)
        environ = {**environ, "DISTCC_AUTO_HOSTS": " ".join(hosts), **variables}
        return self.client.call(lambda: planned(environ)).lines


@pytest.fixture
def site() -> Iterator[Site]:
    with ExitStack() as stack:
        client, far = stack.enter_context(Network()), stack.enter_context(Network())
        wire = stack.enter_context(Wire(client, far, _CLIENT, _FAR, random.Random(1)))
        near_worker = client.call(lambda: Distccd(4))
        stack.callback(near_worker.stop)
        yield Site(client, far, wire, near_worker)


@pytest.fixture
def far_worker(site: Site) -> Iterator[Distccd]:
    """150 ms away, there and back."""
    worker = site.far.call(lambda: Distccd(4, _FAR, clients=[_CLIENT]))
    site.wire.delay_s = _ONE_WAY_S
    yield worker
    worker.stop()


def test_a_silent_host_is_given_up_by_what_the_others_took(site: Site, environ: dict[str, str]) -> None:
    site.wire.is_cut = True
    about, summary = site.lines(environ, _FAR)
    start = f"distcc-driver: {_FAR}: stats port 3633 gave no answer within "
    assert about.startswith(start)
    limit, _, rest = about.removeprefix(start).partition(" s (others took ")
    took, _, advice = rest.partition(" ms); ")
    assert 0.5 <= float(limit) < 2
    assert float(limit) == pytest.approx(max(0.5, int(took) / 100), abs=0.06)
    assert advice == "is the machine up? set DISTCC_AUTO_CONNECT_TIMEOUT to wait longer"
    assert f"({site.near_worker.spec}: 4)" in summary


def test_a_time_that_is_set_is_waited_for(site: Site, environ: dict[str, str]) -> None:
    site.wire.is_cut = True
    about, _ = site.lines(environ, _FAR, DISTCC_AUTO_CONNECT_TIMEOUT="0.7")
    assert f"{_FAR}: stats port 3633 timed out after 0.7 s; is the machine up" in about


def test_hosts_have_two_seconds_where_all_are_silent(site: Site, environ: dict[str, str]) -> None:
    site.wire.is_cut = True
    environ = {**environ, "DISTCC_AUTO_HOSTS": _FAR}
    about, *_ = site.client.call(lambda: planned(environ)).lines
    assert f"{_FAR}: stats port 3633 timed out after 2 s; is the machine up" in about


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_far_worker_is_used_though_its_first_packets_are_lost(
    lost: int, site: Site, far_worker: Distccd, environ: dict[str, str]
) -> None:
    """The kernel would send one again after 1 s, which is too late here."""
    site.wire.lost_beginnings = lost
    (summary,) = site.lines(environ, far_worker.spec, DISTCC_AUTO_CONNECT_TIMEOUT="0.95")
    assert f"{far_worker.spec}: 4" in summary
    assert site.wire.lost_beginnings == 0
