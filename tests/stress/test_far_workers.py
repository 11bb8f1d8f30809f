"""Builds with a worker far away whose packets are lost: how often a plan leaves it out."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.support.distccd import Distccd
from tests.support.network import Network, Wire, may_have_wires
from tests.support.planned import planned

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from .conftest import Tally

pytestmark = pytest.mark.skipif(
    not may_have_wires(), reason="this process may not make networks and tun devices"
)

_CLIENT, _FAR = "10.97.0.1", "10.97.0.2"
_STARTS = 200
_ONE_WAY_S = 0.075
_LARGEST_SHARE_MISSED = 0.02


@pytest.mark.parametrize("loss", [0.01, 0.03])
def test_lost_packets_do_not_cost_a_far_worker(
    loss: float, environ: dict[str, str], chance: random.Random, tally: Tally, scaled: Callable[[int], int]
) -> None:
    """A worker on this machine answers in milliseconds, which shortens the time of the far one."""
    starts, missed = scaled(_STARTS), 0
    with ExitStack() as stack:
        client, far = stack.enter_context(Network()), stack.enter_context(Network())
        wire = stack.enter_context(Wire(client, far, _CLIENT, _FAR, chance))
        workers = [client.call(Distccd), far.call(lambda: Distccd(4, _FAR, clients=[_CLIENT]))]
        for worker in workers:
            stack.callback(worker.stop)
        environ = {**environ, "DISTCC_AUTO_HOSTS": " ".join(worker.spec for worker in workers)}
        wire.delay_s, wire.loss = _ONE_WAY_S, loss
        for _ in range(starts):
            missed += workers[1].spec not in client.call(lambda: planned(environ)).lines[-1]
    tally.count("starts with a worker 150 ms away", f"{loss:.0%} of packets lost: started", starts)
    tally.count("starts with a worker 150 ms away", f"{loss:.0%} of packets lost: worker missed", missed)
    assert missed <= starts * _LARGEST_SHARE_MISSED
