"""Builds whose network fails: real distccd and sshd, in networks that the tests make and break."""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.distccd import Distccd
from tests.support.gate import finish, running
from tests.support.network import Network, Wire, may_have_wires
from tests.support.ports import LOOPBACK
from tests.support.processes import wait_until
from tests.support.shells import UserShell, write_c_project
from tests.support.sshd import Sshd
from tests.support.traces import Traces

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from tests.e2e.ssh.conftest import Keys
    from tests.support.sshd import SshUser

    from .conftest import Tally

pytestmark = pytest.mark.skipif(
    not may_have_wires(), reason="this process may not make networks and tun devices"
)

_CLIENT = "10.99.0.1"
_FILES = 16
_RIGHT_STATUS = 42 - (_FILES - 1)  # the exit status of the program of write_c_project
_COMPILER = """#!/bin/sh
case " $* " in
    *' -E '*) ;;
    *) sleep 0.2 ;;
esac
exec gcc "$@"
"""


class Place:
    """A worker in its own network at the end of a wire, maybe with an sshd beside it."""

    def __init__(self, name: str, address: str, network: Network, wire: Wire, distccd: Distccd) -> None:
        self.name = name
        self.address = address
        self.network = network
        self.wire = wire
        self.distccd = distccd
        self.sshd: Sshd | None = None

    def start_sshd(self, keys: Keys) -> None:
        options = [f"ListenAddress {self.address}:22"]
        self.sshd = self.network.call(lambda: Sshd(keys.host, [keys.user], options))

    @property
    def compiled(self) -> int:
        """How many files the worker has compiled. The number is from its log, because the wire may be cut."""
        return self.distccd.log().count("COMPILE_OK")

    def wait_until_at_work(self, build: subprocess.Popen[str]) -> None:
        """Wait until the worker has compiled a file and has got more. Its slots are full then."""
        wait_until(lambda: self.compiled > 1 or build.poll() is not None, f"{self.name} compiles")
        assert build.poll() is None, finish(build)


class Site:
    """A user's machine and two workers, each in its own network."""

    def __init__(
        self,
        shell: UserShell,
        chance: random.Random,
        stack: ExitStack,
        ssh: SshUser | None,
        keys: Keys,
    ) -> None:
        self.client = stack.enter_context(Network())
        self.shell = shell
        self._chance = chance
        self._stack = stack
        compilers = self._write_compiler()
        self.places = [self._place(number, compilers, ssh is not None) for number in range(2)]
        write_c_project(shell.cwd / "project", _FILES)
        shell.environ.update(
            DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS="0",
            DISTCC_AUTO_HOSTS=" ".join(place.distccd.spec for place in self.places),
            DISTCC_IO_TIMEOUT="3",
            PATH=f"{compilers.parent}:{shell.environ['PATH']}",
        )
        if ssh is not None:
            self._go_behind_ssh(ssh, keys)

    @property
    def compiled(self) -> int:
        """How many files both workers together have compiled."""
        return sum(place.compiled for place in self.places)

    def begin(self) -> subprocess.Popen[str]:
        """Start the build on the user's machine."""
        script = "distcc_build make -s -C project CC='distcc slow-cc'"
        return self.client.call(lambda: self._stack.enter_context(running(self.shell, script)))

    def end(self, build: subprocess.Popen[str]) -> list[str]:
        """Wait for the end of the build, which must succeed; return the lines after its summary."""
        status, _, stderr = finish(build)
        assert status == 0, stderr
        program = self.shell.cwd / "project" / "program"
        assert subprocess.run([str(program)], check=False).returncode == _RIGHT_STATUS
        Traces(self.shell.environ).assert_none()
        said = [line for line in stderr.splitlines() if line.startswith("distcc-driver: ")]
        summary, *lines = [line for line in said if not line.endswith("ssh is still connecting")]
        assert " remote (" in summary, stderr
        return lines

    def _go_behind_ssh(self, ssh: SshUser, keys: Keys) -> None:
        """Reach the workers through an sshd in each network."""
        entries = []
        for place in self.places:
            place.start_sshd(keys)
            assert place.sshd is not None
            self._stack.callback(place.sshd.stop)
            with ssh.known_hosts.open("a") as file:
                file.write(f"{place.address} {keys.host.text}\n")
            ssh.host(place.name, HostName=place.address)
            entries.append(f"ssh://{place.name}/{place.distccd.job_port}/{place.distccd.stats_port}")
        self.shell.environ["DISTCC_AUTO_HOSTS"] = " ".join(entries)

    def _place(self, number: int, compilers: Path, is_behind_ssh: bool) -> Place:
        network = self._stack.enter_context(Network())
        address = f"10.99.0.{number + 2}"
        wire = self._stack.enter_context(Wire(self.client, network, _CLIENT, address, self._chance))
        environ = {"DISTCC_CMDLIST": str(compilers)}
        listening, client = (LOOPBACK, LOOPBACK) if is_behind_ssh else (address, _CLIENT)
        distccd = network.call(lambda: Distccd(2, listening, environ, [client]))
        self._stack.callback(lambda: network.call(distccd.stop))
        return Place(f"worker-{number}", address, network, wire, distccd)

    def _write_compiler(self) -> Path:
        """Write a slow compiler; return the file that lets distccd run it."""
        directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="network-")))
        directory.chmod(0o755)  # distccd runs as another user if root starts it
        (directory / "slow-cc").write_text(_COMPILER)
        (directory / "slow-cc").chmod(0o755)
        (directory / "compilers").write_text(f"{directory / 'slow-cc'}\n")
        return directory / "compilers"


# The shell makes no difference here, so each way to the workers has one.
DIRECT, BEHIND_SSH = ("bash", False), ("zsh", True)


@pytest.fixture(params=[DIRECT, BEHIND_SSH], ids=["direct", "behind-ssh"])
def site(
    environ: dict[str, str],
    work: Path,
    chance: random.Random,
    tally: Tally,
    ssh: SshUser,
    keys: Keys,
    request: pytest.FixtureRequest,
) -> Iterator[Site]:
    """Two workers: for the first tests over TCP with bash, then over ssh with zsh."""
    shell, is_behind_ssh = request.param
    with ExitStack() as stack:
        user_shell = UserShell(shell, environ, work)
        yield Site(user_shell, chance, stack, ssh if is_behind_ssh else None, keys)
    tally.count("builds in a bad network", request.function.__name__.removeprefix("test_").replace("_", " "))


def entries_of(site: Site) -> list[str]:
    return site.shell.environ["DISTCC_AUTO_HOSTS"].split()


def lines_about(entry: str, lines: list[str], *words: str) -> list[str]:
    """The lines about trouble with a worker, without those about compiled files."""
    return [line for line in lines if entry in line and any(word in line for word in words)]


LOST = ("no answer", "worker lost")


def test_packets_are_dropped(site: Site) -> None:
    """Packets are dropped only while workers compile. A plan or report could leave a worker out for it."""
    site.shell.environ.update(DISTCC_FALLBACK="0", DISTCC_IO_TIMEOUT="60")
    build = site.begin()
    for place in site.places:
        place.wait_until_at_work(build)
        place.wire.loss = 0.1
    wait_until(lambda: site.compiled == _FILES or build.poll() is not None, "all is compiled")
    for place in site.places:
        place.wire.loss = 0
    lines = site.end(build)
    assert site.compiled == _FILES
    assert sum(place.wire.dropped for place in site.places) > 0
    for entry in entries_of(site):
        assert lines_about(entry, lines, *LOST) == []


def test_packets_take_300_ms(site: Site) -> None:
    site.shell.environ.update(DISTCC_FALLBACK="0", DISTCC_IO_TIMEOUT="60")
    for place in site.places:
        place.wire.delay_s = 0.3
    lines = site.end(site.begin())
    assert site.compiled == _FILES
    for entry in entries_of(site):
        assert lines_about(entry, lines, *LOST) == []


def test_a_worker_is_unplugged(site: Site) -> None:
    build = site.begin()
    stays, goes = site.places
    goes.wait_until_at_work(build)
    goes.wire.is_cut = True
    lines = site.end(build)
    assert len(lines_about(entries_of(site)[1], lines, *LOST)) == 1, lines
    assert lines_about(entries_of(site)[0], lines, *LOST) == []
    assert stays.compiled > 2


def test_a_worker_is_unplugged_and_comes_back(site: Site) -> None:
    site.shell.environ.update(DISTCC_FALLBACK="0", DISTCC_IO_TIMEOUT="60")
    build = site.begin()
    wire = site.places[1].wire
    site.places[1].wait_until_at_work(build)
    before = wire.dropped
    wire.is_cut = True
    wait_until(lambda: wire.dropped > before + 3, "something was missed")
    wire.is_cut = False
    lines = site.end(build)
    assert site.compiled == _FILES
    assert lines_about(entries_of(site)[1], lines, *LOST) == []


def test_the_uplink_is_gone(site: Site) -> None:
    build = site.begin()
    for place in site.places:
        place.wait_until_at_work(build)
    for place in site.places:
        place.wire.is_cut = True
    lines = site.end(build)
    for entry in entries_of(site):
        assert len(lines_about(entry, lines, *LOST)) == 1, lines


@pytest.mark.parametrize("site", [DIRECT], indirect=True, ids=["direct"])
def test_the_uplink_is_gone_before_the_build(site: Site) -> None:
    """No worker answers, so the build runs here."""
    for place in site.places:
        place.wire.is_cut = True
    status, _, stderr = finish(site.begin())
    assert status == 0
    *refusals, summary = stderr.splitlines()
    assert len(refusals) == 2
    for entry in entries_of(site):
        assert any(line.startswith(f"distcc-driver: {entry}: ") and "timed out" in line for line in refusals)
    assert "no worker is available; " in summary


@pytest.mark.parametrize("site", [BEHIND_SSH], indirect=True, ids=["behind-ssh"])
def test_an_sshd_is_killed(site: Site) -> None:
    build = site.begin()
    place = site.places[1]
    place.wait_until_at_work(build)
    assert place.sshd is not None
    place.sshd.kill()
    lines = site.end(build)
    (line,) = lines_about(entries_of(site)[1], lines, *LOST)
    assert "worker lost, its tunnel ended during the build" in line
    assert lines_about(entries_of(site)[0], lines, *LOST) == []
