"""`distcc-driver discover` in networks with real avahi-daemon and distccd, and with false announcements."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.support.avahi import Avahi
from tests.support.commands import Driver, driver_command, run_driver
from tests.support.distccd import Distccd
from tests.support.network import Network, Wire, may_have_wires
from tests.support.responder import Responder, announcement
from tests.support.shapes import assert_shape
from tests.support.shells import SHELLS, UserShell, write_c_project
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs_networks = pytest.mark.skipif(
    not may_have_wires(), reason="only root may make networks and tun devices"
)

PORTS = (3632, 3633)
SHORT = ("discover", "--timeout", "1")


class Machines:
    """A client and two workers. `near` has IPv4 and IPv6 addresses, `far` only a link-local IPv6 address."""

    def __init__(self, stack: ExitStack) -> None:
        self.client = stack.enter_context(Network())
        self.near, self.far = (stack.enter_context(Network()) for _ in range(2))
        chance = random.Random(1)
        stack.enter_context(Wire(self.client, self.near, "10.99.0.1", "10.99.0.2", chance))
        stack.enter_context(Wire(self.client, self.far, "10.99.0.3", "10.99.0.4", chance))
        self.client.run("ip", "address", "add", "fd00::1/64", "dev", "w2")
        self.near.run("ip", "address", "add", "fd00::2/64", "dev", "w2", "nodad")
        self.far.run("ip", "address", "del", "10.99.0.4", "dev", "w4")
        self.far.run("ip", "address", "add", "fe80::4/64", "dev", "w4", "nodad")
        self.workers = [
            self._worker(stack, self.near, "near", "10.99.0.2", 4),
            self._worker(stack, self.far, "far", "fe80::4%w4", 2),
        ]

    @staticmethod
    def _worker(stack: ExitStack, network: Network, name: str, address: str, jobs: int) -> Distccd:
        avahi = stack.enter_context(Avahi(network, name))
        clients = ["10.0.0.0/8", "fe80::/16", "fd00::/16"]
        worker = network.call(
            lambda: Distccd(jobs, address, avahi.environ, clients, options=["--zeroconf"], ports=PORTS)
        )
        stack.callback(worker.stop)
        return worker


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    with ExitStack() as stack:
        yield Machines(stack)


@pytest.fixture
def pair() -> Iterator[tuple[Network, Network]]:
    """A client at 10.98.0.1, and a machine at 10.98.0.2 without avahi-daemon and distccd."""
    with (
        Network() as client,
        Network() as other,
        Wire(client, other, "10.98.0.1", "10.98.0.2", random.Random(1)),
    ):
        yield client, other


def discover(
    network: Network, environ: dict[str, str], cwd: Path, *words: str
) -> subprocess.CompletedProcess[str]:
    return network.call(lambda: run_driver(environ, cwd, *(words or SHORT)))


@needs_networks
def test_workers_of_the_network_with_what_they_say(
    machines: Machines, environ: dict[str, str], work: Path
) -> None:
    result = discover(machines.client, environ, work, "discover")
    assert (result.returncode, result.stderr) == (0, "")
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["entry", "slots", "gcc", "machine", "host"]
    assert [(line[0], line[1], line[-1]) for line in lines[1:3]] == [
        ("10.99.0.2", "4", "near.local"),
        ("[fe80::4%w4]", "2", "far.local"),
    ]
    gcc = subprocess.run(["gcc", "-dumpversion", "-dumpmachine"], capture_output=True, text=True, check=True)
    assert set(lines[1][2:4]) & set(gcc.stdout.split())
    assert result.stdout.endswith('\n\nDISTCC_AUTO_HOSTS="10.99.0.2 [fe80::4%w4]"\n')


@needs_networks
def test_document_has_the_documented_shape(machines: Machines, environ: dict[str, str], work: Path) -> None:
    result = discover(machines.client, environ, work, "discover", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    document = json.loads(result.stdout)
    assert_shape(document, "`discover`")
    near, far = document["workers"]
    assert (near["service"], near["slots"], near["port"]) == ("distcc@near", 4, 3632)
    assert near["addresses"] == ["10.99.0.2", "fd00::2"]
    assert (far["entry"], far["distcc_version"]) == ("[fe80::4%w4]", near["distcc_version"])


@needs_networks
@pytest.mark.parametrize("shell", SHELLS)
def test_build_on_what_the_last_line_says(
    shell: str, machines: Machines, environ: dict[str, str], work: Path
) -> None:
    printed = discover(machines.client, environ, work, "discover").stdout.splitlines()[-1]
    before = [machines.near.call(lambda: machines.workers[0].compiled)]
    before.append(machines.far.call(lambda: machines.workers[1].compiled))
    project = write_c_project(work / "project", files=12)
    environ["DISTCC_FALLBACK"] = "0"
    script = f"export {printed}\ndistcc_build make -C {project} CC='distcc gcc'"
    done = machines.client.call(lambda: UserShell(shell, environ, work).run(script))
    assert done.returncode == 0, done.stderr
    after = [machines.near.call(lambda: machines.workers[0].compiled)]
    after.append(machines.far.call(lambda: machines.workers[1].compiled))
    assert sum(after) - sum(before) == 12
    assert all(now > then for now, then in zip(after, before, strict=True))


@needs_networks
def test_nobody_announces_anything(
    pair: tuple[Network, Network], environ: dict[str, str], work: Path
) -> None:
    result = discover(pair[0], environ, work)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("distcc-driver: discover: no worker announced itself within 1 s; ")
    assert len(result.stderr.splitlines()) == 1
    for cause in ("avahi-daemon", "distccd --zeroconf", "5353", "routers"):
        assert cause in result.stderr
    result = discover(pair[0], environ, work, *SHORT, "--json")
    assert result.returncode == 1
    document = json.loads(result.stdout)
    assert_shape(document, "`discover`")
    assert document["workers"] == []


@needs_networks
def test_no_interface_is_up(environ: dict[str, str], work: Path) -> None:
    with Network() as network:
        network.run("ip", "address", "flush", "dev", "lo")
        result = discover(network, environ, work)
    assert (result.returncode, result.stdout) == (96, "")
    assert result.stderr.startswith("distcc-driver: discover: cannot ask the network: no interface is up; ")


NAME = '$(reboot)`;"\u202e'.encode()
HOSTILE = NAME + b"\x1b]0;\x07\r\n\xff"


@needs_networks
def test_hostile_announcements_are_only_shown(
    pair: tuple[Network, Network], environ: dict[str, str], work: Path
) -> None:
    client, other = pair
    texts = [b"jobs=" + HOSTILE, b"cc_version=" + HOSTILE, b"cc_machine=" + b"m" * 244, b"=", b"x" * 255]
    packets = [
        announcement(b"distcc@" + NAME, NAME, ["10.98.0.2"], texts=texts),
        announcement(b"large", b"large", ["10.98.0.3"], texts=[b"cc_version=9", *[b"x" * 255] * 30]),
        announcement(b"loopback " + NAME, b"loopback", ["127.0.0.1"]),
        announcement(HOSTILE, HOSTILE, ["10.98.0.5"]),
        announcement(b"no port", b"no-port", ["10.98.0.4"], port=0),
        announcement(b"no address", b"no-address", []),
        b"\xff" * 1000,
    ]
    with Responder(other, "10.98.0.2", packets):
        result = discover(client, environ, work)
        document = json.loads(discover(client, environ, work, *SHORT, "--json").stdout)
    assert result.returncode == 0
    assert (result.stdout + result.stderr).replace("\n", "").isprintable()
    rows = result.stdout.splitlines()
    assert [row.split()[0] for row in rows[1:3]] == ["10.98.0.2", "10.98.0.3"]
    assert max(map(len, rows)) < 160
    assert rows[3:] == ["", 'DISTCC_AUTO_HOSTS="10.98.0.2 10.98.0.3"']
    (line,) = result.stderr.splitlines()
    assert re.match(r"distcc-driver: discover: loopback \$\(reb.* and 2 more: announced without", line)
    assert_shape(document, "`discover`")
    assert [worker["slots"] for worker in document["workers"]] == [None, None]
    assert "$(reboot)" in document["workers"][0]["compiler_version"]


@needs_networks
def test_flood_of_announcements_takes_no_longer(
    pair: tuple[Network, Network], environ: dict[str, str], work: Path
) -> None:
    """The command stops to listen at its time, and shows no more workers than its limit."""
    client, other = pair
    packets = [
        announcement(b"distcc@%d" % number, b"box-%d" % number, [f"10.97.{number // 250}.{number % 250}"])
        for number in range(2000)
    ]
    with Responder(other, "10.98.0.2", packets):
        result = discover(client, environ, work, "discover", "--timeout", "3", "--json")
    assert result.returncode == 0, result.stderr
    assert 0 < len(json.loads(result.stdout)["workers"]) <= 500


@needs_networks
def test_ctrl_c_ends_it_and_leaves_the_terminal_as_it_was(
    pair: tuple[Network, Network], environ: dict[str, str], work: Path
) -> None:
    environ["TERM"] = "xterm-256color"
    command = driver_command("discover", "--timeout", "600")
    with pair[0].call(lambda: Terminal(command, environ, work)) as terminal:
        terminal.expect("asking the local network for 600 s; Ctrl-C ends it")
        terminal.send("\x03")
        assert terminal.wait() == 130
    assert "Traceback" not in terminal.shown
    assert terminal.shown.endswith("\x1b[2K")


@needs_networks
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_it(
    number: int, pair: tuple[Network, Network], environ: dict[str, str], work: Path
) -> None:
    with pair[0].call(lambda: Driver(environ, work, "discover", "--timeout", "600")) as driver:
        assert driver.end(number) == (-number, "")


@pytest.mark.parametrize("prefix", ["", "pipx"])
def test_without_the_package_it_says_how_to_install_it(
    prefix: str, environ: dict[str, str], work: Path
) -> None:
    """A module that is None in sys.modules counts as missing."""
    (work / "pipx_metadata.json").touch()
    code = "import sys; sys.modules['zeroconf'] = None; sys.argv[1:] = ['discover']\n"
    code += f"sys.prefix = {str(work)!r}\n" if prefix else ""
    code += "from distcc_driver.__main__ import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", code], env=environ, cwd="/", capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (96, "")
    remedy = "pipx inject distcc-driver zeroconf" if prefix else f"{sys.executable} -m pip install zeroconf"
    assert result.stderr == f"distcc-driver: discover: the package zeroconf is missing; run {remedy}\n"


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "601", "soon", ""])
def test_invalid_time_is_wrong_usage(value: str, environ: dict[str, str], work: Path) -> None:
    result = run_driver(environ, work, "discover", f"--timeout={value}")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("distcc-driver: discover: ")
    assert len(result.stderr.splitlines()) == 1
