"""Addresses of this machine towards networks."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from distcc_driver.commands.distccd.localaddresses import addresses_for


@pytest.mark.parametrize(
    ("networks", "addresses"),
    [
        ([], []),
        (["127.0.0.1"], ["127.0.0.1"]),
        (["127.0.0.0/8", "127.0.0.1"], ["127.0.0.1"]),
        (["::1", "127.0.0.1"], ["::1", "127.0.0.1"]),
        (["fe80::/10"], []),  # a route there needs a zone
    ],
)
def test_the_address_towards_a_network(networks: list[str], addresses: list[str]) -> None:
    assert addresses_for(map(ip_network, networks)) == addresses


def test_all_networks_have_at_most_one_address() -> None:
    assert len(addresses_for([ip_network("0.0.0.0/0")])) <= 1
