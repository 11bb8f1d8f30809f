"""`distcc-driver worker` runs a real distccd for real clients, and leaves nothing behind."""

from __future__ import annotations

import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import driver_command, run_driver
from tests.support.network import Network, Wire, may_have_networks
from tests.support.ports import LOOPBACK
from tests.support.processes import arguments_of, descendants, is_alive, wait_until
from tests.support.shells import UserShell
from tests.support.terminal import Terminal
from tests.support.worker import RunningWorker, free_job_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.distccd import Distccd

_DEADLINE_S = 60.0
_ENDINGS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def client_environ(worker: RunningWorker, host: str = "") -> dict[str, str]:
    """The environment of a client that compiles only on this worker."""
    hosts = {"DISTCC_HOSTS": host or f"{LOOPBACK}:{worker.job_port}", "DISTCC_FALLBACK": "0"}
    return {**worker.environ, **hosts, "DISTCC_DIR": tempfile.mkdtemp(dir=worker.environ["DISTCC_DIR"])}


def compile_on(worker: RunningWorker, work: Path, *words: str, host: str = "") -> bool:
    """Let the real client compile on the worker. Its standard error goes to the file `said`."""
    with (work / "said").open("wb") as said:
        # A client that is refused early removes its files before its preprocessor has written the last one.
        environ = client_environ(worker, host) | {"TMPDIR": str(work)}
        done = subprocess.run(
            ["distcc", *words], env=environ, cwd=work, stderr=said, check=False, timeout=_DEADLINE_S
        )
    return done.returncode == 0


def write(work: Path, name: str, text: str = "int one(void) { return 1; }\n") -> str:
    (work / name).write_text(text)
    return name


@pytest.fixture
def own_compiler(environ: dict[str, str]) -> Iterator[Path]:
    """A compiler script that DISTCC_CMDLIST allows, in a directory that the user of distccd can read."""
    directory = Path(tempfile.mkdtemp(prefix="compilers-", dir="/tmp"))
    directory.chmod(0o755)
    (directory / "commands").write_text(f"{directory}/own-gcc\n")
    environ["DISTCC_CMDLIST"] = f"{directory}/commands"
    environ["PATH"] = f"{directory}:{environ['PATH']}"
    yield directory / "own-gcc"
    shutil.rmtree(directory)


def write_script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_a_build_with_the_printed_entry_compiles_on_it(user_shell: UserShell, work: Path) -> None:
    write(work, "hello.c")
    with RunningWorker(user_shell.environ, work, "--jobs", "3") as worker:
        user_shell.environ["DISTCC_AUTO_HOSTS"] = worker.hosts[0]
        user_shell.environ["DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS"] = "0"
        user_shell.environ["DISTCC_FALLBACK"] = "0"
        done = user_shell.run("distcc_build sh -c 'distcc gcc -c hello.c' sh")
        assert done.returncode == 0, done.stderr
        assert "-j 3 = 3 remote" in done.stderr
        _, client, outcome, _, compiler, source = worker.line().split("  ")
        assert (client, outcome, source) == (LOOPBACK, "compiled", "hello.c")
        assert compiler.endswith("gcc")
        assert worker.end(signal.SIGINT) == 130
    assert worker.shown[-2:] == ["distcc-driver: ended by SIGINT", ""]


def test_it_says_who_its_clients_are_and_what_it_compiles_with(environ: dict[str, str], work: Path) -> None:
    with RunningWorker(environ, work, "--jobs", "1") as worker:
        user = pwd.getpwuid(os.stat(f"/proc/{worker.distccd()}").st_uid).pw_name
        said = "\n".join(worker.shown)
    assert user != "root"
    assert f"worker: distccd runs as user {user}, 1 slot (as --jobs says)" in said
    assert "worker: clients: this machine only; others need --allow" in said
    assert " gcc " in next(line for line in worker.shown if line.startswith("worker: compilers: "))
    assert worker.hosts[0] == f"{LOOPBACK}:{worker.job_port}:{worker.job_port + 1}"


def test_a_failed_job_and_a_refused_compiler_are_told(environ: dict[str, str], work: Path) -> None:
    write(work, "bad.c", "int one( {\n")
    write(work, "fine.c")
    directory = work / "bin"
    directory.mkdir()
    (directory / "own-gcc").symlink_to(shutil.which("gcc") or "")
    with RunningWorker(environ, work) as worker:
        assert not compile_on(worker, work, "gcc", "-c", "bad.c")
        assert worker.line().split("  ")[1:3] == [LOOPBACK, "failed, status 1"]
        environ["PATH"] = f"{directory}:{environ['PATH']}"
        assert not compile_on(worker, work, "own-gcc", "-c", "fine.c")
        assert "refused, no link of own-gcc in /usr/lib/distcc" in worker.line()


def test_names_of_files_do_nothing_to_the_terminal(environ: dict[str, str], work: Path) -> None:
    name = write(work, "a\033[31m\a.c")
    with RunningWorker(environ, work) as worker:
        assert compile_on(worker, work, "gcc", "-c", name)
        assert worker.line().endswith("a\\x1b[31m\\x07.c")


def test_names_that_the_terminal_cannot_show_end_nothing(environ: dict[str, str], work: Path) -> None:
    name = write(work, "\N{SNOWMAN}.c")
    with RunningWorker({**environ, "PYTHONIOENCODING": "ascii"}, work) as worker:
        assert compile_on(worker, work, "gcc", "-c", name)
        assert worker.line().endswith("  \\u2603.c")


@pytest.mark.parametrize(
    ("words", "host"),
    [
        (["--allow", "::1"], "[::1]"),
        (["--allow", "::1", "127.0.0.1"], "[::1]"),
        (["--allow", "::1", "--allow", "127.0.0.0/8"], LOOPBACK),
    ],
)
def test_clients_of_both_protocols_are_served(
    words: list[str], host: str, environ: dict[str, str], work: Path
) -> None:
    """distccd compares the bytes of an IPv4 client on an IPv6 socket in the wrong order."""
    write(work, "hello.c")
    with RunningWorker(environ, work, *words) as worker:
        assert compile_on(worker, work, "gcc", "-c", "hello.c", host=f"{host}:{worker.job_port}")
        assert worker.line().split("  ")[1] == host.strip("[]")


def test_a_client_that_no_network_has_is_told_and_gets_nothing(environ: dict[str, str], work: Path) -> None:
    write(work, "hello.c")
    with RunningWorker(environ, work, "--allow", "127.0.0.2") as worker:
        assert not compile_on(worker, work, "gcc", "-c", "hello.c")
        assert worker.line().endswith(f"  {LOOPBACK}  refused, no --allow has its address")


def test_a_look_at_the_port_is_no_job(environ: dict[str, str], work: Path) -> None:
    write(work, "hello.c")
    with RunningWorker(environ, work) as worker:
        hosts = {**environ, "DISTCC_AUTO_HOSTS": worker.hosts[0]}
        assert run_driver(hosts, work, "workers").returncode == 0
        with socket.create_connection((LOOPBACK, worker.job_port)) as connection:
            connection.sendall(b"what is this?")
        assert compile_on(worker, work, "gcc", "-c", "hello.c")
        assert worker.line().endswith("hello.c")


def test_nothing_of_the_users_environment_reaches_the_compilers(
    environ: dict[str, str], work: Path, own_compiler: Path
) -> None:
    """A client could make a compiler print its environment."""
    write_script(own_compiler, 'case "$*" in *-E*) ;; *) env >&2 ;; esac\nexec gcc "$@"')
    environ["SECRET_TOKEN"] = "very-secret"
    environ["DISTCC_CMDLIST_NUMWORDS"] = "1"
    write(work, "hello.c")
    with RunningWorker(environ, work) as worker:
        assert f"worker: compilers: those in {own_compiler.parent}/commands (DISTCC_CMDLIST)" in worker.shown
        assert compile_on(worker, work, "own-gcc", "-c", "hello.c")
    said = (work / "said").read_text()
    assert "TMPDIR=/" in said
    assert "DISTCC_CMDLIST_NUMWORDS=1" in said
    assert "very-secret" not in said


def test_links_to_distcc_on_path_are_not_called(environ: dict[str, str], work: Path) -> None:
    write(work, "hello.c")
    environ["PATH"] = f"/usr/lib/distcc:/usr/lib/ccache:{environ['PATH']}"
    with RunningWorker(environ, work) as worker:
        assert compile_on(worker, work, "gcc", "-c", "hello.c")
        assert "  compiled  " in worker.line()


@pytest.mark.parametrize("number", _ENDINGS)
def test_a_signal_ends_all_of_it(number: signal.Signals, environ: dict[str, str], work: Path) -> None:
    with RunningWorker(environ, work) as worker:
        assert worker.end(number) == 128 + number
        assert worker.running_pids() == []
    assert worker.shown[-2] == f"distcc-driver: ended by {number.name}"


@pytest.mark.parametrize("number", [*_ENDINGS, signal.SIGKILL])
def test_a_compiler_at_work_ends_with_it(
    number: signal.Signals, environ: dict[str, str], work: Path, own_compiler: Path
) -> None:
    sleep = 'case "$*" in *-E*) exec gcc "$@" ;; *) exec sleep 1000 ;; esac'
    write_script(own_compiler, sleep)
    write(work, "hello.c")
    with RunningWorker(environ, work) as worker:
        command = ["distcc", "own-gcc", "-c", "hello.c"]
        with subprocess.Popen(command, env=client_environ(worker), cwd=work) as build:
            wait_until(lambda: at_work(worker), "the compiler runs")
            [compiler] = at_work(worker)
            assert worker.end(number) == (-9 if number == signal.SIGKILL else 128 + number)
            assert build.wait(_DEADLINE_S) != 0
        worker.wait_until_nothing_is_left()
        wait_until(lambda: not is_alive(compiler), "the compiler has ended")


def at_work(worker: RunningWorker) -> list[int]:
    return [pid for pid in descendants(worker.process.pid) if arguments_of(pid)[:1] == ["sleep"]]


def test_it_ends_with_its_terminal(environ: dict[str, str], work: Path) -> None:
    port = free_job_port()
    with Terminal(driver_command("worker", "--port", str(port)), environ, work) as terminal:
        terminal.expect("jobs as they end:")
    wait_until(lambda: not is_open(port) and not is_open(port + 1), "both ports are free")
    wait_until(lambda: os.listdir(environ["TMPDIR"]) == [], "its files have gone")


def is_open(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex((LOOPBACK, port)) == 0


def test_ctrl_c_in_a_terminal_ends_it(environ: dict[str, str], work: Path) -> None:
    with Terminal(driver_command("worker", "--port", str(free_job_port())), environ, work) as terminal:
        terminal.expect("jobs as they end:")
        terminal.send("\x03")
        assert terminal.wait() == 130


def test_it_ends_when_nobody_reads_its_output(environ: dict[str, str], work: Path) -> None:
    write(work, "hello.c")
    port = free_job_port()
    client = {**environ, "DISTCC_HOSTS": f"{LOOPBACK}:{port}", "DISTCC_FALLBACK": "0"}
    client["TMPDIR"] = str(work)  # distcc may leave a file there if the worker ends at a bad moment
    shell = '"$@" | sed -n "/jobs as they end/q"; exit "${PIPESTATUS[0]}"'
    command = ["bash", "-c", shell, "bash", *driver_command("worker", "--port", str(port))]
    with subprocess.Popen(command, env=environ, cwd=work) as pipeline:
        wait_until(lambda: is_open(port), "it takes jobs")
        while pipeline.poll() is None:
            subprocess.run(
                ["distcc", "gcc", "-c", "hello.c"], env=client, cwd=work, capture_output=True, check=False
            )
        assert pipeline.returncode == 128 + signal.SIGPIPE


def test_it_compiles_while_it_is_stopped(environ: dict[str, str], work: Path) -> None:
    """After Ctrl-Z, or when the terminal accepts no output, jobs must not wait for the command."""
    write(work, "hello.c")
    with RunningWorker(environ, work) as worker:
        worker.process.send_signal(signal.SIGSTOP)
        try:
            for _ in range(3):
                assert compile_on(worker, work, "gcc", "-c", "hello.c")
        finally:
            worker.process.send_signal(signal.SIGCONT)
        assert [worker.line().rpartition("  ")[2] for _ in range(3)] == ["hello.c"] * 3


def test_a_distccd_that_is_killed_is_told(environ: dict[str, str], work: Path) -> None:
    with RunningWorker(environ, work) as worker:
        os.kill(worker.distccd(), signal.SIGKILL)
        assert worker.wait() == 96
        assert worker.running_pids() == []
    assert worker.shown[-2].startswith("distcc-driver: distccd: ended by itself, signal 9; its last words: ")


def test_it_ends_as_ever_without_its_guard(environ: dict[str, str], work: Path) -> None:
    with RunningWorker(environ, work) as worker:
        [guard] = [pid for pid in worker.running_pids() if "worker-guard" in arguments_of(pid)]
        os.kill(guard, signal.SIGKILL)
        assert worker.end(signal.SIGTERM) == 143
        assert worker.running_pids() == []


def test_a_root_without_other_users_is_told(environ: dict[str, str], work: Path) -> None:
    alone = ["unshare", "--user", "--map-root-user"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not make namespaces")
    command = [*alone, *driver_command("worker", "--port", str(free_job_port()))]
    done = subprocess.run(command, env=environ, cwd=work, capture_output=True, text=True, check=False)
    assert done.returncode == 96
    assert "distccd cannot become this user here (Invalid argument); start the worker as" in done.stderr


def test_the_program_that_has_the_port_is_named(
    start_distccd: Callable[..., Distccd], environ: dict[str, str], work: Path
) -> None:
    other = start_distccd()
    user = pwd.getpwuid(os.stat(f"/proc/{other.pid}").st_uid).pw_name
    who = f"distccd (process {other.pid}, user {user})"
    for port, taken in [(other.job_port, other.job_port), (other.stats_port - 1, other.stats_port)]:
        done = run_driver(environ, work, "worker", "--port", str(port))
        if port != taken and f"port {port}:" in done.stderr:
            continue  # another program has taken the port before it
        assert done.returncode == 96
        advice = "stop it (a service of the package distcc: sudo systemctl disable --now distcc)"
        advice += ", or give another port with --port"
        assert done.stderr == f"distcc-driver: port {taken}: {who} listens there; {advice}\n"


def test_a_port_of_root_is_refused_to_root_too(environ: dict[str, str], work: Path) -> None:
    start = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    if start < 2:
        pytest.skip("every user may have every port here")
    done = run_driver(environ, work, "worker", "--port", "1")
    assert done.returncode == 96
    assert done.stderr.startswith("distcc-driver: port 1: only root may listen there, and distccd")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--allow", "worker-1"], "--allow 'worker-1': not an address or a network, such as 192.168.0.0/16"),
        (["--allow", "10.0.0.0/33"], "--allow '10.0.0.0/33': not an address or a network, such as"),
        (["--allow", "10.0.0.0/8", "x"], "--allow 'x': not an address or a network"),
        (["--allow", "::ffff:10.0.0.1"], "--allow '::ffff:10.0.0.1': IPv4 in IPv6; write it as in"),
        (["--allow", "fe80::1%lo"], "--allow 'fe80::1%lo': distccd knows no zones; leave it out"),
        (["10.0.0.0/8"], "unexpected '10.0.0.0/8'; networks stand behind --allow"),
        (["--port", "0"], "--port 0: the job port is one of 1 to 65534"),
        (["--port", "65535"], "--port 65535: the job port is one of 1 to 65534"),
        (["--jobs", "0"], "--jobs 0: distccd takes 1 to 200"),
        (["--jobs", "201"], "--jobs 201: distccd takes 1 to 200"),
        (["--jobs", "-1", "--print-unit"], "--jobs -1: distccd takes 1 to 200"),
    ],
)
def test_wrong_words_are_one_line(words: list[str], said: str, environ: dict[str, str], work: Path) -> None:
    done = run_driver(environ, work, "worker", *words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"distcc-driver: worker: {said}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"PATH": "/nowhere"}, "distccd: not found on PATH; install the package distcc"),
        (
            {"DISTCC_CMDLIST": "/nowhere"},
            "DISTCC_CMDLIST: /nowhere: No such file or directory; correct it, or",
        ),
        ({"DISTCCD_PATH": "/nowhere"}, "/usr/lib/distcc: no compiler of this machine has a link there"),
        ({"DISTCC_AUTO_COMPILER_MEMORY": "x"}, "DISTCC_AUTO_COMPILER_MEMORY: "),
    ],
)
def test_a_worker_that_cannot_start_says_one_line(
    change: dict[str, str], said: str, environ: dict[str, str], work: Path
) -> None:
    done = run_driver({**environ, **change}, work, "worker")
    assert done.returncode == 96
    assert done.stdout == ""
    assert done.stderr.startswith(f"distcc-driver: {said}")
    assert done.stderr.count("\n") == 1


def test_a_distccd_that_ends_at_once_is_reported_with_its_last_words(
    environ: dict[str, str], work: Path, tmp_path: Path
) -> None:
    (tmp_path / "distccd").write_text("#!/bin/sh\necho out of order >&2\nexit 3\n")
    (tmp_path / "distccd").chmod(0o755)
    environ["PATH"] = f"{tmp_path}:{environ['PATH']}"
    done = run_driver(environ, work, "worker", "--port", str(free_job_port()))
    assert done.returncode == 96
    assert done.stderr == "distcc-driver: distccd: does not start; its last words: out of order\n"


@pytest.fixture
def two_machines() -> Iterator[tuple[Network, Network]]:
    """The networks of two machines, 10.9.0.1 and 10.9.0.2, joined by a wire."""
    if not may_have_networks():
        pytest.skip("only root may make networks")
    with Network() as near, Network() as far, Wire(near, far, "10.9.0.1", "10.9.0.2", random.Random(1)):
        yield near, far


def test_the_printed_entry_is_right_on_another_machine(
    two_machines: tuple[Network, Network], user_shell: UserShell, work: Path
) -> None:
    near, far = two_machines
    write(work, "hello.c")
    environ = {**user_shell.environ, "DISTCC_FALLBACK": "0", "DISTCC_AUTO_FALLBACK_LOCAL_JOBS": "0"}
    with far.call(lambda: RunningWorker(environ, work, "--allow", "10.9.0.0/24")) as worker:
        [host] = worker.hosts
        assert host == f"10.9.0.2:{worker.job_port}:{worker.job_port + 1}"
        assert f"clients: 10.9.0.0/24, at ports {worker.job_port} and " in "\n".join(worker.shown)
        user_shell.environ |= environ | {"DISTCC_AUTO_HOSTS": host}
        done = near.call(lambda: user_shell.run("distcc_build sh -c 'distcc gcc -c hello.c' sh"))
        assert done.returncode == 0, done.stderr
        assert worker.line().split("  ")[1:3] == ["10.9.0.1", "compiled"]


def test_another_machine_is_not_let_in_unasked(
    two_machines: tuple[Network, Network], environ: dict[str, str], work: Path
) -> None:
    near, far = two_machines
    with far.call(lambda: RunningWorker(environ, work)) as worker:
        hosts = {**environ, "DISTCC_AUTO_HOSTS": f"10.9.0.2:{worker.job_port}:{worker.job_port + 1}"}
        done = near.call(lambda: run_driver(hosts, work, "workers"))
        assert "refused the connection" in done.stdout
