"""Options of distccd, and the argument list and unit that are made from them."""

from __future__ import annotations

from itertools import pairwise

import pytest

from distcc_driver.commands.distccd.daemonoptions import (
    DaemonOptions,
    WorkerRequest,
    arguments,
    default_slots,
    entry,
    ssh_entry,
    stats_port_of,
    unit,
)
from distcc_driver.core.hostspec import SshHost, TcpHost, parse_host


def options(*networks: str, job_port: int = 3632, program: str = "/usr/bin/distccd") -> DaemonOptions:
    wanted = WorkerRequest.of(networks, 4, job_port)
    return DaemonOptions(program, job_port, stats_port_of(job_port), 4, wanted.networks)


def values(words: list[str], option: str) -> list[str]:
    return [value for name, value in pairwise(words) if name == option]


@pytest.mark.parametrize(
    ("networks", "listen", "allow"),
    [
        ([], "127.0.0.1", ["127.0.0.1"]),
        (["127.0.0.0/8"], "127.0.0.1", ["127.0.0.0/8"]),
        (["::1"], "::1", ["::1"]),
        (["::1", "127.0.0.1"], "::", ["::1", "::ffff:7f00:1"]),
        (["192.168.1.7"], "0.0.0.0", ["192.168.1.7"]),
        (["192.168.1.7/24", "10.0.0.0/255.0.0.0"], "0.0.0.0", ["192.168.1.0/24", "10.0.0.0/8"]),
        (["2001:db8::/32"], "::", ["2001:db8::/32"]),
        (["2001:db8::/32", "10.0.0.0/8"], "::", ["2001:db8::/32", "::ffff:a00:0/104"]),
        (["0.0.0.0/0", "::/0"], "::", ["::ffff:0:0/96", "::/0"]),
    ],
)
def test_address_to_listen_at_fits_the_networks(networks: list[str], listen: str, allow: list[str]) -> None:
    words = arguments(options(*networks))
    assert values(words, "--listen") == [listen]
    dotted = {"::ffff:127.0.0.1": "::ffff:7f00:1", "::ffff:10.0.0.0/104": "::ffff:a00:0/104"}
    dotted["::ffff:0.0.0.0/96"] = "::ffff:0:0/96"  # Python 3.13 and later write these forms
    assert [dotted.get(value, value) for value in values(words, "--allow")] == allow


@pytest.mark.parametrize(
    "text", ["", "worker-1", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0", "::ffff:10.0.0.1", "fe80::1%lo"]
)
def test_text_that_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="--allow"):
        WorkerRequest.of([text], None, 3632)


@pytest.mark.parametrize(
    ("threads", "memory_mib", "compiler_mib", "slots"),
    [
        (8, 32000, 1024, 8),
        (8, 4100, 1024, 4),
        (8, 100, 1024, 1),
        (8, 100, 0, 8),
        (8, None, 1024, 8),
        (256, 10**6, 1024, 200),
    ],
)
def test_slots_follow_from_threads_and_memory(
    threads: int, memory_mib: int | None, compiler_mib: int, slots: int
) -> None:
    assert default_slots(threads, memory_mib, compiler_mib) == slots


@pytest.mark.parametrize("job_port", [3632, 4000])
@pytest.mark.parametrize("address", ["192.168.0.7", "2001:db8::7"])
def test_entry_has_the_ports_of_the_daemon(address: str, job_port: int) -> None:
    host = parse_host(entry(address, options("10.0.0.0/8", job_port=job_port)))
    assert isinstance(host, TcpHost)
    assert host[1:] == (address, job_port, job_port + 1)
    by_ssh = parse_host(ssh_entry("build-1", options(job_port=job_port)))
    assert isinstance(by_ssh, SshHost)
    assert (by_ssh.name, by_ssh.job_port, by_ssh.stats_port) == ("build-1", job_port, job_port + 1)


def test_entry_leaves_default_ports_out() -> None:
    assert entry("192.168.0.7", options()) == "192.168.0.7"
    assert ssh_entry("build-1", options()) == "ssh://build-1"


def test_a_unit_starts_the_same_daemon_as_a_user_of_its_own() -> None:
    wanted = options("10.0.0.0/8")
    lines = unit(wanted).splitlines()
    assert f"ExecStart={' '.join(arguments(wanted))}" in lines
    assert "User=distccd" in lines


def test_characters_that_systemd_interprets_are_escaped() -> None:
    text = unit(options(program="/opt/my tools/100%/distccd"))
    assert "ExecStart=/opt/my\\x20tools/100%%/distccd --daemon" in text
