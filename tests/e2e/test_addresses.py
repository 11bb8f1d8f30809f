"""Names with several addresses: distcc gets an address at which the probe has reached the worker.

The addresses are on `lo` of a network that the tests make, with firewall rules in front of a real distccd.
The names are in a private /etc/hosts.
"""

from __future__ import annotations

import itertools
import json
import re
import shlex
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.support.distccd import Distccd
from tests.support.hostlist import workers_of
from tests.support.network import Network, may_have_networks
from tests.support.place import ROOT
from tests.support.processes import wait_until
from tests.support.shells import UserShell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

pytestmark = pytest.mark.skipif(not may_have_networks(), reason="this process may not make networks")

TIMEOUT_S = 6  # long, because one distccd answers at all addresses, one after the other
# The firewall's actions: "" lets packets through.
RESET = "reject with tcp reset"
REJECT = "reject"  # sends the ICMP or ICMPv6 message "port unreachable"
# For each state of an address, the firewall's actions at the job port and at the stats port.
STATES = {
    "both": ("", ""),
    "job refused": (RESET, ""),
    "stats refused": ("", RESET),
    "silent": ("drop", "drop"),
    "rejected": (REJECT, REJECT),
    "job silent": ("drop", ""),
}


@dataclass(frozen=True, slots=True)
class Host:
    """A name with its addresses in the order of getaddrinfo. Each address has a state of STATES."""

    name: str
    addresses: Sequence[str]
    states: Sequence[str]

    @property
    def proved(self) -> str:
        """What distcc must get: the name if its first address works, else the first address that works."""
        found = [
            address for address, state in zip(self.addresses, self.states, strict=True) if state == "both"
        ]
        return self.name if found[:1] == [self.addresses[0]] else "".join(found[:1])


class Place:
    """A network with a distccd that listens at all addresses, at the usual ports."""

    def __init__(self, network: Network, distccd: Distccd, directory: Path) -> None:
        self.network = network
        self.distccd = distccd
        self.hosts_file = directory / "hosts"

    def add(self, hosts: Sequence[Host]) -> None:
        """Make the addresses, their firewall rules, and the names."""
        ports = (self.distccd.job_port, self.distccd.stats_port)
        places = [place for host in hosts for place in zip(host.addresses, host.states, strict=True)]
        lengths = {False: 32, True: 128}
        self.network.run(
            *["ip", "-batch", "-"],
            said="".join(
                f"address add {address}/{lengths[':' in address]} dev lo\n"
                for address in dict.fromkeys(address for address, _ in places)
            ),
        )
        rules = [
            f"add rule inet wall in {_family(address)} daddr {address} tcp dport {port} {what}\n"
            for address, state in places
            for port, what in zip(ports, STATES[state], strict=True)
            if what
        ]
        self.network.run("nft", "-f", "-", said=f"add table inet wall\n{_CHAIN}{''.join(rules)}")
        self.hosts_file.write_text(
            "".join(f"{address} {host.name}\n" for host in hosts for address in host.addresses)
        )
        self.network.name(self.hosts_file)
        for host in hosts:
            found = self.network.run("getent", "ahosts", host.name).splitlines()
            assert list(dict.fromkeys(line.split()[0] for line in found)) == list(host.addresses)

    def spec(self, name: str) -> str:
        return f"{name}:{self.distccd.job_port}:{self.distccd.stats_port}"


def _family(address: str) -> str:
    return "ip6" if ":" in address else "ip"


_CHAIN = "add chain inet wall in { type filter hook input priority 0; }\n"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Network() as network:
        distccd = network.call(lambda: Distccd(4, "::", clients=["0.0.0.0/0", "::/0"]))
        try:
            yield Place(network, distccd, tmp_path)
        finally:
            network.call(distccd.stop)


@pytest.fixture
def shell(environ: dict[str, str], work: Path) -> UserShell:
    environ.update(DISTCC_AUTO_CONNECT_TIMEOUT=str(TIMEOUT_S), DISTCC_AUTO_COMPILER_MEMORY="0")
    return UserShell("bash", environ, work)


def run(place: Place, shell: UserShell, script: str) -> tuple[str, list[str]]:
    """Source the shim and run a script; return its output, and the lines of the driver."""
    done = place.network.call(lambda: shell.run(script))
    assert done.returncode == 0, done.stderr
    return done.stdout, [line for line in done.stderr.splitlines() if line.startswith("distcc-driver: ")]


def planned(place: Place, shell: UserShell, hosts: Sequence[Host]) -> tuple[dict[str, str], list[str]]:
    """The entry in DISTCC_HOSTS for each host in use, and the lines of the driver."""
    names = [place.spec(host.name) for host in hosts]
    shell.environ["DISTCC_AUTO_HOSTS"] = " ".join(names)
    shown, said = run(place, shell, "distcc_build sh -c 'echo \"$DISTCC_HOSTS\"'")
    entries = {re.sub(r":\d+/\d+,lzo$", "", word): word for word in shown.split() if word.endswith(",lzo")}
    return entries, said


@pytest.mark.parametrize("kind", ["both IPv4", "IPv6 and IPv4", "three"])
def test_distcc_gets_the_address_that_took_both_ports(
    kind: str, place: Place, shell: UserShell, tmp_path: Path
) -> None:
    shapes: dict[str, Callable[[int], list[str]]] = {
        "both IPv4": lambda n: [f"10.77.{n}.2", f"10.77.{n}.3"],
        "IPv6 and IPv4": lambda n: [f"2001:db8::{n + 1:x}:2", f"10.77.{n}.2"],
        "three": lambda n: [f"2001:db8::{n + 1:x}:2", f"10.77.{n}.2", f"10.77.{n}.3"],
    }
    count = 3 if kind == "three" else 2
    states = [state for state in STATES if count == 2 or state != "rejected"]
    hosts = [
        Host(f"worker-{number}", shapes[kind](number), chosen)
        for number, chosen in enumerate(itertools.product(states, repeat=count))
    ]
    place.add(hosts)
    entries, said = planned(place, shell, hosts)
    expected = {host.proved: host for host in hosts if host.proved}
    assert set(entries) == {f"[{name}]" if ":" in name else name for name in expected}
    assert sum(line.count("worker-") for line in said) <= len(hosts) + 16
    # The client of distcc tries no address that fails.
    source = tmp_path / "one.c"
    source.write_text("int one;\n")
    before = place.network.call(lambda: place.distccd.compiled)
    for entry in entries.values():
        environ = {**shell.environ, "DISTCC_HOSTS": entry, "DISTCC_FALLBACK": "0", "DISTCC_VERBOSE": "1"}
        done = place.network.call(
            lambda environ=environ: subprocess.run(  # type: ignore[misc]
                ["distcc", "gcc", "-c", str(source), "-o", "/dev/null"],
                env=environ, capture_output=True, text=True, check=False,
            )
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert not re.search(r"failed to connect|timeout while|nonblocking connect", done.stderr)
    # distccd counts a job when it has sent the result.
    counted = before + len(entries)
    wait_until(lambda: place.network.call(lambda: place.distccd.compiled) == counted, "all jobs are counted")


def test_names_stay_in_all_that_people_read(place: Place, shell: UserShell) -> None:
    host = Host("worker-1", ["2001:db8::1:2", "10.77.0.2"], ["silent", "both"])
    place.add([host])
    entries, said = planned(place, shell, [host])
    assert list(entries) == ["10.77.0.2"]
    assert said == [
        f"distcc-driver: -j {_jobs(said)} = 4 remote ({place.spec('worker-1')}: 4) + {_rest(said)}"
    ]
    driver = shlex.join([str(ROOT / ".venv/bin/python"), "-m", "distcc_driver"])
    for command in ("workers", "workers --json", "plan --json"):
        shown, _ = run(place, shell, f"cd {shlex.quote(str(ROOT))}; {driver} {command}")
        assert place.spec("worker-1") in shown
        assert shown.count("10.77.0.2") == 1, "in DISTCC_HOSTS alone"


def _jobs(said: list[str]) -> str:
    return said[0].split()[2]


def _rest(said: list[str]) -> str:
    return said[0].rpartition(" + ")[2]


def test_the_report_asks_the_address_that_distcc_used(place: Place, shell: UserShell) -> None:
    """The name has another address at the end of the build. That makes no difference."""
    host = Host("worker-1", ["10.77.0.2"], ["both"])
    place.add([host])
    shell.environ["DISTCC_AUTO_HOSTS"] = place.spec("worker-1")
    (shell.cwd / "one.c").write_text("int one;\n")
    build = "distcc gcc -c one.c -o one.o && echo >$0/hosts && sleep 2.1"
    script = f"distcc_build sh -c {shlex.quote(build)} {shlex.quote(str(place.hosts_file.parent))}"
    _, said = run(place, shell, script)
    assert any(re.search(r": 1 compilation on worker-1\S* in", line) for line in said), said


@pytest.mark.parametrize(
    "entries",
    [
        ["v4only", "10.77.0.2"],
        ["10.77.0.2", "v4only"],
        ["v4only", "again"],
        ["v4only", "[::ffff:10.77.0.2]", "10.77.0.2"],
    ],
    ids=" ".join,
)
def test_one_worker_under_several_names_counts_once(
    entries: list[str], place: Place, shell: UserShell
) -> None:
    place.add([Host(name, ["10.77.0.2"], ["both"]) for name in ("v4only", "again")])
    first, *others = [place.spec(entry) for entry in entries]
    shell.environ["DISTCC_AUTO_HOSTS"] = " ".join([first, *others])
    shell.environ["DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS"] = "0"
    shell.environ["DISTCC_AUTO_LOG_LEVEL"] = "debug"
    shown, said = run(place, shell, "distcc_build sh -c 'echo \"$DISTCC_HOSTS\"'")
    assert workers_of(shown) == f"{entries[0]}:{place.distccd.job_port}/4,lzo"
    assert f"distcc-driver: -j 4 = 4 remote ({first}: 4)" in said
    for other in others:
        assert said.count(f"distcc-driver: {other}: the same worker as {first}, which counts once") == 1
    shell.environ["DISTCC_AUTO_LOG_LEVEL"] = "info"
    _, said = run(place, shell, "distcc_build true")
    assert said == [f"distcc-driver: -j 4 = 4 remote ({first}: 4)"]
    _, said = run(
        place, shell, "distcc_build sh -c 'echo \"int one;\" >one.c; distcc gcc -c one.c; sleep 2.1'"
    )
    assert len(said) == 2
    assert f": 1 compilation on {first} in " in said[1]


def test_ipv4_and_ipv6_of_one_worker_count_once(place: Place, shell: UserShell) -> None:
    """A host list made from mDNS has both addresses. The worker has compiled something before."""
    place.add([Host("v4only", ["10.77.0.2"], ["both"]), Host("v6only", ["2001:db8::1:2"], ["both"])])
    first, second = place.spec("10.77.0.2"), place.spec("[2001:db8::1:2]")
    shell.environ["DISTCC_AUTO_HOSTS"] = first
    run(place, shell, "distcc_build sh -c 'echo \"int one;\" >one.c; distcc gcc -c one.c'")
    wait_until(lambda: place.network.call(lambda: place.distccd.compiled) == 1, "the job is counted")
    shell.environ["DISTCC_AUTO_HOSTS"] = f"{first} {second}"
    shell.environ["DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS"] = "0"
    shell.environ["DISTCC_AUTO_LOG_LEVEL"] = "debug"
    shown, said = run(place, shell, "distcc_build sh -c 'echo \"$DISTCC_HOSTS\"'")
    assert workers_of(shown) == f"10.77.0.2:{place.distccd.job_port}/4,lzo", said
    assert said.count(f"distcc-driver: {second}: the same worker as {first}, which counts once") == 1


def test_the_second_name_of_a_worker_is_no_trouble(place: Place, shell: UserShell) -> None:
    place.add([Host("v4only", ["10.77.0.2"], ["both"])])
    first, second = place.spec("v4only"), place.spec("10.77.0.2")
    shell.environ["DISTCC_AUTO_HOSTS"] = f"{first} {second}"
    driver = f"cd {shlex.quote(str(ROOT))}; .venv/bin/python -m distcc_driver"
    shown, _ = run(place, shell, f"{driver} workers --json")  # with status 0
    rows = json.loads(shown)["hosts"]
    assert [row["state"] for row in rows] == ["used", "left out"]
    assert [row["same_as"] for row in rows] == [None, first]
    shown, _ = run(place, shell, f"{driver} workers")
    assert f"the same worker as {first}, which counts once; name it once" in shown
    shown, _ = run(place, shell, f"{driver} doctor --json || :")
    steps = {step["subjects"][0]: step for step in json.loads(shown)["steps"] if step["subjects"]}
    assert steps[second]["result"] == "ok"
    assert steps[second]["text"] == f"the same worker as {first}, which counts once"
