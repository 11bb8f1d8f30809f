"""`distcc-driver doctor` on workers with other compilers, on faulty hosts, and with a faulty client."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import run_driver
from tests.support.doctor import doctor_document
from tests.support.ports import LOOPBACK, free_ports, host_spec, refusing_port, silent_port
from tests.support.servers import Server, empty, hang, saying
from tests.support.shells import MASQUERADE
from tests.support.toolchains import Toolchain, target
from tests.unit.samples import REPLY

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from tests.support.distccd import Distccd


class Examined:
    """The answer of one run of the doctor."""

    def __init__(self, environ: dict[str, str], work: Path, *arguments: str) -> None:
        self.done = run_driver(environ, work, "doctor", *arguments)
        assert "Traceback" not in self.done.stderr

    def line(self, start: str, text: str) -> str:
        """The only line that starts with `start`, which is a result and a part, and that contains `text`."""
        lines = [line for line in self.done.stdout.splitlines() if line.startswith(start) and text in line]
        assert len(lines) == 1, f"{text!r} in {lines}, of\n{self.done.stdout}{self.done.stderr}"
        return lines[0]


@pytest.fixture
def masqueraded(environ: dict[str, str]) -> dict[str, str]:
    """An environment without a fault, in which only the list of hosts is missing."""
    return environ | {"PATH": f"{MASQUERADE}:{environ['PATH']}"}


def examine(environ: dict[str, str], work: Path, hosts: list[str], *arguments: str) -> Examined:
    return Examined(environ | {"DISTCC_AUTO_HOSTS": " ".join(hosts)}, work, *arguments)


def test_machine_and_worker_without_a_fault(
    masqueraded: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    before = shared_distccd.compiled
    found = examine(masqueraded, work, [shared_distccd.spec], "--compiler", "gcc", "g++")
    assert found.done.returncode == 0, found.done.stdout
    assert found.done.stderr == ""
    assert "compiles with gcc, g++ in " in found.line("ok       trial", shared_distccd.spec)
    assert shared_distccd.compiled == before + 2
    found.line("ok       compilers", "gcc, g++: link in /usr/lib/distcc to distcc, compiler in /usr/bin")
    found.line("nothing is wrong", "the compile commands of the build are not known")


def test_path_without_links_to_distcc(environ: dict[str, str], work: Path, shared_distccd: Distccd) -> None:
    found = examine(environ, work, [shared_distccd.spec], "--compiler", "gcc")
    assert found.done.returncode == 1
    line = found.line("warning  compilers", "gcc: compiler itself in /usr/bin")
    assert f"put {MASQUERADE} first on PATH" in line


def test_compiler_missing_on_one_worker(
    masqueraded: dict[str, str], work: Path, public: Path, start_distccd: Callable[..., Distccd]
) -> None:
    tools = Toolchain(public / "tools")
    tools.add("gcc")
    worker = start_distccd(environ=tools.environ)
    found = examine(masqueraded, work, [worker.spec], "--compiler", "gcc", "g++")
    assert found.done.returncode == 1
    line = found.line("problem  trial", worker.spec)
    assert f"compiler missing there: {target()}-g++ " in line
    found.line("ok       trial", "compiles with gcc in ")


def test_compiler_of_another_version(
    masqueraded: dict[str, str], work: Path, public: Path, start_distccd: Callable[..., Distccd]
) -> None:
    tools = Toolchain(public / "tools")
    tools.add_other_version("gcc", "GCC: (Elsewhere 11.4.0-1) 11.4.0")
    same, other = start_distccd(), start_distccd(environ=tools.environ)
    found = examine(masqueraded, work, [same.spec, other.spec], "--compiler", "gcc")
    assert found.done.returncode == 1
    assert "compiles with GCC 11.4.0, this machine has " in found.line("warning  trial", other.spec)
    assert " as here" in found.line("ok       trial", same.spec)


def test_compiler_of_another_architecture(
    masqueraded: dict[str, str], work: Path, public: Path, start_distccd: Callable[..., Distccd]
) -> None:
    tools = Toolchain(public / "tools")
    tools.add_other_machine("gcc")
    worker = start_distccd(environ=tools.environ)
    found = examine(masqueraded, work, [worker.spec], "--compiler", "gcc")
    assert "compiles for AArch64, this machine for " in found.line("problem  trial", worker.spec)


def test_compiler_not_allowed_on_a_worker(
    masqueraded: dict[str, str], work: Path, public: Path, start_distccd: Callable[..., Distccd]
) -> None:
    allowed = public / "allowed"
    allowed.write_text(f"/usr/bin/{target()}-gcc\n")
    worker = start_distccd(environ={"DISTCC_CMDLIST": str(allowed)})
    found = examine(masqueraded, work, [worker.spec], "--compiler", "gcc", "g++")
    line = found.line("problem  trial", worker.spec)
    assert f"compiler not allowed there, it hangs up without an answer: {target()}-g++" in line
    found.line("ok       trial", "compiles with gcc in ")


def test_compiler_broken_on_a_worker(
    masqueraded: dict[str, str], work: Path, public: Path, start_distccd: Callable[..., Distccd]
) -> None:
    tools = Toolchain(public / "tools")
    tools.add_script("gcc", "#!/bin/sh\nprintf 'gcc: fatal \\033[31merror\\033[m: no cc1\\n' >&2\nexit 1\n")
    worker = start_distccd(environ=tools.environ)
    found = examine(masqueraded, work, [worker.spec], "--compiler", "gcc")
    line = found.line("problem  trial", worker.spec)
    assert "gcc fails there: gcc: fatal \\x1b[31merror" in line


def test_worker_that_takes_jobs_and_never_finishes_them(
    masqueraded: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    with Server(hang) as server:
        spec = host_spec(LOOPBACK, server.port, shared_distccd.stats_port)
        environ = masqueraded | {"DISTCC_IO_TIMEOUT": "1"}
        found = examine(environ, work, [spec, shared_distccd.spec], "--compiler", "gcc", "g++")
    assert found.done.returncode == 1
    assert "does not finish it within 1 s (gcc)" in found.line("problem  trial", spec)
    found.line("ok       trial", shared_distccd.spec)


class ClosedDistccd:
    """A distccd that allows only a client at an address that no machine has (RFC 5737)."""

    def __init__(self, directory: Path) -> None:
        job_port, stats_port = free_ports(2)
        self.spec = host_spec(LOOPBACK, job_port, stats_port)
        self._log = directory / "distccd.log"
        command = ["distccd", "--no-detach", "--daemon", "--stats", "--listen", LOOPBACK]
        command += ["--allow", "192.0.2.1", "--log-stderr", "--log-level", "info"]
        command += ["--port", str(job_port), "--stats-port", str(stats_port), "--jobs", "2"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stderr=log, cwd=directory, start_new_session=True
            )

    def __enter__(self) -> ClosedDistccd:
        deadline = time.monotonic() + 30
        while "HTTP server started" not in self._log.read_text() and time.monotonic() < deadline:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.01)
                raise AssertionError(self._log.read_text())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)


def test_client_not_allowed(masqueraded: dict[str, str], work: Path, public: Path) -> None:
    with ClosedDistccd(public) as worker:
        found = examine(masqueraded, work, [worker.spec], "--compiler", "gcc")
    assert "not allowed for this client? (distccd --allow)" in found.line("warning  workers", worker.spec)
    found.line("problem  plan", "no worker is available")


def test_each_host_that_is_down_has_its_cause(
    masqueraded: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    environ = masqueraded | {"DISTCC_AUTO_CONNECT_TIMEOUT": "0.3"}
    with refusing_port() as down, silent_port() as walled, Server(empty) as shut:
        stats_only = host_spec(LOOPBACK, down, shared_distccd.stats_port)
        hosts = {
            f"stats port {down} refused the connection": host_spec(LOOPBACK, down, down),
            "does a firewall drop the port?": host_spec(LOOPBACK, walled, walled),
            f"job port {down} refused the connection; its stats port answers": stats_only,
            "closed without a reply": host_spec(LOOPBACK, shut.port, shut.port),
            "name not found": "no-such-worker.invalid",
        }
        found = examine(environ, work, [*hosts.values(), "a:0", shared_distccd.spec], "--compiler", "gcc")
    assert found.done.returncode == 1
    for cause, host in hosts.items():
        assert f"workers: {host}: left out: " in found.line("warning  workers", cause)
    found.line("warning  host list", "entry 6 'a:0', character 3")
    found.line("ok       workers", shared_distccd.spec)
    found.line("ok       trial", shared_distccd.spec)


def test_hosts_with_the_same_cause_share_a_line(
    masqueraded: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    hosts = [f"no-such-{number}.invalid" for number in range(12)]
    found = examine(masqueraded, work, [*hosts, shared_distccd.spec], "--compiler", "gcc")
    line = found.line("warning  workers", "name not found")
    assert "no-such-0.invalid, no-such-1.invalid, " in line
    assert "no-such-7.invalid and 4 more: " in line


def test_worker_that_ends_before_its_trial(masqueraded: dict[str, str], work: Path) -> None:
    is_gone = threading.Event()

    def go(connection: socket.socket, closing: threading.Event) -> None:
        job.stop_listening()
        is_gone.set()
        hang(connection, closing)

    def answer(connection: socket.socket, closing: threading.Event) -> None:
        assert is_gone.wait(30)
        saying(REPLY)(connection, closing)

    with Server(answer) as stats, Server(go) as job:
        spec = host_spec(LOOPBACK, job.port, stats.port)
        found = examine(masqueraded, work, [spec], "--compiler", "gcc")
    assert "Connection refused" in found.line("problem  trial", spec)


def test_machine_without_distcc(
    environ: dict[str, str], work: Path, tmp_path: Path, shared_distccd: Distccd
) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "gcc").symlink_to("/usr/bin/gcc")
    found = examine(environ | {"PATH": str(bare)}, work, [shared_distccd.spec])
    assert found.done.returncode == 1
    found.line("problem  distcc client", "not found on PATH; install the package distcc")
    assert "trial" not in found.done.stdout


def test_links_to_ccache_in_front_of_links_to_distcc(
    environ: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    path = f"/usr/lib/ccache:{MASQUERADE}:{environ['PATH']}"
    found = examine(environ | {"PATH": path}, work, [shared_distccd.spec], "--compiler", "gcc")
    found.line("ok       compilers", "gcc: link in /usr/lib/ccache to ccache")
    assert found.done.returncode == 0


def test_distcc_in_front_of_ccache(environ: dict[str, str], work: Path, shared_distccd: Distccd) -> None:
    """distcc asks the worker for ccache. The worker has no ccache, so distcc compiles here."""
    found = examine(environ, work, [shared_distccd.spec], "--compiler", "distcc ccache gcc")
    line = found.line("warning  compilers", "distcc ccache gcc: distcc is told to run ccache")
    assert "put ccache in front of distcc" in line
    assert found.done.returncode == 1


def test_ccache_whose_prefix_distcc_build_replaces(
    environ: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    environ = environ | {"PATH": f"/usr/lib/ccache:{environ['PATH']}", "CCACHE_PREFIX": "icecc"}
    found = examine(environ, work, [shared_distccd.spec], "--compiler", "gcc")
    found.line(
        "ok       compilers", "and distcc_build makes ccache call distcc (CCACHE_PREFIX) instead of icecc"
    )
    found.line("ok       trial", "compiles with /usr/bin/gcc in ")
    assert found.done.returncode == 0


def test_compiler_that_fails_on_this_machine(
    masqueraded: dict[str, str], work: Path, tmp_path: Path, shared_distccd: Distccd
) -> None:
    broken = tmp_path / "bin"
    broken.mkdir()
    (broken / "mycc").write_text("#!/bin/sh\necho mycc: licence error >&2\nexit 3\n")
    (broken / "mycc").chmod(0o755)
    environ = masqueraded | {"PATH": f"{masqueraded['PATH']}:{broken}"}
    found = examine(environ, work, [shared_distccd.spec], "--compiler", "mycc", "nocc")
    found.line("problem  trial", "mycc: compiles nothing on this machine: mycc: licence error")
    found.line("problem  compilers", "nocc: not found on PATH")


def test_compiler_options_that_are_no_commands(
    masqueraded: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    found = examine(masqueraded, work, [shared_distccd.spec], "--compiler", "gcc 'unfinished", "")
    found.line("problem  compilers", "unfinished', '': not found on PATH")
    assert found.done.returncode == 1


def test_distcc_that_cannot_be_run(
    masqueraded: dict[str, str], work: Path, tmp_path: Path, shared_distccd: Distccd
) -> None:
    (tmp_path / "distcc").write_bytes(b"\x7fELF of another machine")
    (tmp_path / "distcc").chmod(0o755)
    environ = masqueraded | {"PATH": f"{tmp_path}:{masqueraded['PATH']}"}
    found = examine(environ, work, [shared_distccd.spec], "--compiler", "gcc", "distcc gcc")
    found.line("problem  distcc client", str(tmp_path / "distcc"))
    assert found.done.returncode == 1


def test_option_that_keeps_a_trial_here(
    masqueraded: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    before = shared_distccd.compiled
    found = examine(masqueraded, work, [shared_distccd.spec], "--compiler", "gcc -march=native", "gcc")
    found.line("problem  trial", "distcc does not send this command to workers (gcc -march=native)")
    found.line("ok       trial", "compiles with gcc in ")
    assert shared_distccd.compiled == before + 1


def test_json_document(
    masqueraded: dict[str, str],
    work: Path,
    public: Path,
    shared_distccd: Distccd,
    start_distccd: Callable[..., Distccd],
) -> None:
    (work / "Makefile").write_text("CC = gcc\nprogram: main.o\n")
    tools = Toolchain(public / "tools")
    tools.add_other_version("gcc", "GCC: () 11.4.0")
    other = start_distccd(environ=tools.environ)
    hosts = [shared_distccd.spec, other.spec, "no-such-worker.invalid", "a:0"]
    environ = masqueraded | {"DISTCC_AUTO_HOSTS": " ".join(hosts)}
    code, document = doctor_document(environ, work, "--compiler", "gcc", "g++")
    assert (document["version"], document["command"], document["result"]) == (1, "doctor", "problem")
    assert code == 1
    trials = {(trial["host"], trial["compiler"]): trial for trial in document["trials"]}
    assert trials[other.spec, "gcc"]["compiler_version"] == "11.4.0"
    assert trials[other.spec, "g++"]["outcome"] == "missing"
    assert trials[shared_distccd.spec, "g++"]["outcome"] == "compiled"
    assert document["build_directory"]["compilers"][0]["is_distributed"] is True


def test_json_without_distcc_and_without_compilers(
    environ: dict[str, str], work: Path, tmp_path: Path, shared_distccd: Distccd
) -> None:
    environ = environ | {"PATH": str(tmp_path), "DISTCC_AUTO_HOSTS": shared_distccd.spec}
    _, document = doctor_document(environ, work)
    assert document["client"] == {"path": None, "version": None}
    assert document["trials"] == []


def test_missing_host_list_is_a_problem(masqueraded: dict[str, str], work: Path) -> None:
    found = examine(masqueraded, work, [], "--compiler", "gcc")
    assert (found.done.returncode, found.done.stderr) == (96, "")
    found.line("ok       distcc client", "version ")
    found.line("problem  host list: DISTCC_AUTO_HOSTS: not set or blank; ", "")
    assert found.done.stdout.splitlines()[-1] == "found: 1 problem"


def test_each_entry_of_an_invalid_host_list_is_named(masqueraded: dict[str, str], work: Path) -> None:
    found = examine(masqueraded, work, ["a:0", "b:x"], "--compiler", "gcc")
    assert (found.done.returncode, found.done.stderr) == (96, "")
    found.line("warning  host list: DISTCC_AUTO_HOSTS: entry 1 'a:0'", "skipped")
    found.line("warning  host list: DISTCC_AUTO_HOSTS: entry 2 'b:x'", "skipped")
    found.line("problem  host list: DISTCC_AUTO_HOSTS: no valid entry; write HOST", "")
    assert found.done.stdout.splitlines()[-1] == "found: 1 problem and 2 warnings"


def test_invalid_setting_is_a_problem(masqueraded: dict[str, str], work: Path) -> None:
    environ = masqueraded | {"DISTCC_AUTO_COMPILER_MEMORY": "much"}
    found = examine(environ, work, ["worker"], "--compiler", "gcc")
    assert (found.done.returncode, found.done.stderr) == (96, "")
    found.line("problem  host list: DISTCC_AUTO_COMPILER_MEMORY: 'much' is not a whole number; ", "")


def test_json_of_an_invalid_host_list_is_an_error(masqueraded: dict[str, str], work: Path) -> None:
    found = examine(masqueraded, work, [], "--json")
    assert (found.done.returncode, found.done.stdout) == (96, "")
    assert found.done.stderr.startswith("distcc-driver: DISTCC_AUTO_HOSTS: not set or blank; ")
    found = examine(masqueraded, work, ["a:0"], "--json")
    assert (found.done.returncode, found.done.stdout) == (96, "")
    assert "entry 1 'a:0'" in found.done.stderr


def test_help_names_makefiles_and_the_default_directory(masqueraded: dict[str, str], work: Path) -> None:
    words = " ".join(examine(masqueraded, work, [], "--help").done.stdout.replace("│", " ").split())
    assert "Autotools, or one with a Makefile; by default the current one." in words


@pytest.mark.parametrize("arguments", [["--build-dir", "nowhere"], ["gcc"], ["--compiler"]])
def test_wrong_usage(masqueraded: dict[str, str], work: Path, arguments: list[str]) -> None:
    found = examine(masqueraded, work, ["worker"], *arguments)
    assert (found.done.returncode, found.done.stdout) == (2, "")
    assert len(found.done.stderr.splitlines()) == 1
