"""`distcc-driver monitor` beside real builds, whose compilers wait until they are told to go on."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import Driver, driver_command, run_driver
from tests.support.distccd import Distccd
from tests.support.gate import finish, running
from tests.support.heldcompilers import HeldCompilers
from tests.support.monitors import Monitor, files_at
from tests.support.namespaces import may_unshare, with_mounts
from tests.support.ports import LOOPBACK, free_ports
from tests.support.processes import descendants, is_alive, wait_until
from tests.support.servers import Server
from tests.support.shapes import assert_shape
from tests.support.shells import MASQUERADE, UserShell, write_c_project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to another user")


@pytest.fixture
def held(public: Path) -> Iterator[HeldCompilers]:
    compilers = HeldCompilers(public)
    yield compilers
    compilers.close()


@pytest.fixture
def start_held(held: HeldCompilers) -> Iterator[Callable[[int], Distccd]]:
    """Starts workers whose compilers wait."""
    with contextlib.ExitStack() as stack:
        stack.callback(held.close)

        def start(jobs: int) -> Distccd:
            worker = Distccd(jobs, environ=held.environ)
            stack.callback(worker.stop)
            return worker

        yield start
        held.close()


@contextlib.contextmanager
def client(environ: Mapping[str, str], work: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command with clients of distcc, which has ended with all it started when this is left.

    Clients that are killed leave files: they have a place of their own for those.
    """
    temporary = work / "temporary"
    temporary.mkdir(exist_ok=True)
    process = subprocess.Popen(
        words,
        env={**environ, "TMPDIR": str(temporary)},
        cwd=work,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def make(files: int) -> tuple[str, ...]:
    return ("make", f"-j{files}", "-k", "CC=distcc gcc", *(f"part{number}.o" for number in range(files)))


def compile_one(name: str) -> tuple[str, ...]:
    return ("distcc", "gcc", "-c", name, "-o", "object.o")


def compiled_by(worker: Distccd) -> set[str]:
    """The files that a daemon has compiled, by its log."""
    return set(re.findall(r"COMPILE_OK .* (\S+\.c)$", worker.log(), re.MULTILINE))


def name_of(worker: Distccd) -> str:
    return f"{worker.address}:{worker.job_port}"


def once(environ: Mapping[str, str], directory: Path) -> dict[str, object]:
    """The document of one picture."""
    result = run_driver(environ, directory, "monitor", "--once", "--json", str(directory))
    assert result.stderr == ""
    document = json.loads(result.stdout)
    assert_shape(document, "`monitor`")
    assert isinstance(document, dict)
    return document


def test_who_compiles_what_is_what_the_daemons_say(
    environ: dict[str, str], work: Path, start_held: Callable[[int], Distccd], held: HeldCompilers
) -> None:
    workers = start_held(3), start_held(2)
    environ["DISTCC_HOSTS"] = " ".join(worker.distcc_host for worker in workers)
    project = write_c_project(work / "project", 5)
    with client(environ, project, *make(5)) as process, Monitor(environ, work) as monitor:
        build = monitor.until(lambda build: len(files_at(build)) == 5)
        seen = files_at(build)
        assert_shape(build, "running build")
        assert (build["directory"], build["limit"]["code"]) == (str(project), "slots")
        held.release(5)
        assert process.wait(60) == 0
        assert monitor.wait() == (0, "")
    for worker in workers:
        assert {file for file, host in seen.items() if host == name_of(worker)} == compiled_by(worker)
    assert len(seen) == 5


def test_a_build_of_distcc_build(
    user_shell: UserShell, start_held: Callable[[int], Distccd], held: HeldCompilers
) -> None:
    worker = start_held(2)
    environ = user_shell.environ
    environ.update(
        PATH=f"{MASQUERADE}:{environ['PATH']}",
        DISTCC_AUTO_HOSTS=worker.spec,
        DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS="2",
    )
    write_c_project(user_shell.cwd / "project", 6)
    with (
        running(user_shell, "distcc_build make -C project") as process,
        Monitor(environ, user_shell.cwd) as monitor,
    ):
        build = monitor.until(lambda build: len(files_at(build)) == 2 and build["here"]["waiting"] == 2)
        assert build["command_line"] == "make -C project -j 4"
        assert build["workers"][0]["host"] == name_of(worker)
        text = f"all slots busy; {build['here']['waiting']} clients wait for a slot"
        monitor.until(lambda build: build["limit"]["text"] == text)
        held.release(6)
        assert finish(process)[0] == 0
        assert monitor.wait() == (0, "")


def test_a_compilation_of_more_than_a_minute_stays(
    environ: dict[str, str], work: Path, start_held: Callable[[int], Distccd], held: HeldCompilers
) -> None:
    """distcc's own monitor removes its record then; ours has seen before what it is."""
    environ["DISTCC_HOSTS"] = start_held(1).distcc_host
    (work / "long.c").write_text("int a;\n")
    with client(environ, work, *compile_one("long.c")) as process, Monitor(environ, work) as monitor:
        monitor.until(files_at)
        record = os.path.join(environ["DISTCC_DIR"], "state", f"binstate_{process.pid}")
        os.utime(record, (0, 0))
        subprocess.run(["distccmon-text"], env=environ, check=True, stdout=subprocess.DEVNULL)
        assert not os.path.exists(record)
        for _ in range(3):
            assert files_at(monitor.document()["builds"][0]) == {"long.c": monitor_host(environ)}
        held.release(1)
        assert process.wait(60) == 0


def monitor_host(environ: Mapping[str, str]) -> str:
    return environ["DISTCC_HOSTS"].partition("/")[0]


@pytest.mark.parametrize("data", [b"", b"x", b"\xff" * 296, b"\0" * 296, b"x" * 4096])
def test_a_record_that_is_none_costs_nothing_but_the_step(
    data: bytes, environ: dict[str, str], work: Path, start_held: Callable[[int], Distccd]
) -> None:
    environ["DISTCC_HOSTS"] = start_held(1).distcc_host
    (work / "a.c").write_text("int a;\n")
    with client(environ, work, *compile_one("a.c")) as process, Monitor(environ, work) as monitor:
        monitor.until(files_at)
        record = f"{environ['DISTCC_DIR']}/state/binstate_{process.pid}"
        with open(record, "wb") as file:
            file.write(data)
        assert files_at(monitor.document()["builds"][0]) == {"a.c": monitor_host(environ)}
        (worker,) = once(environ, work)["builds"][0]["workers"]  # type: ignore[index]
        assert [job["file"] for job in worker["jobs"]] == ["a.c"]
        with open(record, "rb") as file:
            assert file.read() == data


def test_a_client_that_is_killed_leaves_a_free_slot_and_its_record(
    environ: dict[str, str], work: Path, start_held: Callable[[int], Distccd]
) -> None:
    environ["DISTCC_HOSTS"] = start_held(1).distcc_host
    (work / "a.c").write_text("int a;\n")
    script = "distcc gcc -c a.c & read -r _ <go"
    os.mkfifo(work / "go")
    with client(environ, work, "sh", "-c", script) as process, Monitor(environ, work) as monitor:
        (job,) = monitor.until(files_at)["workers"][0]["jobs"]
        os.kill(job["pid"], signal.SIGKILL)
        build = monitor.until(lambda build: build["workers"][0]["idle"])
        assert build["workers"][0]["jobs"] == []
        assert os.path.exists(f"{environ['DISTCC_DIR']}/state/binstate_{job['pid']}")
        assert is_alive(process.pid)


@pytest.mark.parametrize(
    ("words", "counts", "file"),
    [
        (("-march=native", "-c", "a.c"), (1, 0), "a.c"),
        (("a.o", "-o", "prog"), (0, 1), "prog"),
        (("a.c", "-o", "prog"), (0, 1), "a.c"),
    ],
)
def test_what_stays_here(
    words: Sequence[str],
    counts: tuple[int, int],
    file: str,
    environ: dict[str, str],
    work: Path,
    shared_distccd: Distccd,
    held: HeldCompilers,
) -> None:
    environ |= {"DISTCC_HOSTS": shared_distccd.distcc_host}
    environ["PATH"] = f"{held.directory}:{environ['PATH']}"
    (work / "a.c").write_text("int a;\n")
    with client(environ, work, "distcc", "gcc", *words), Monitor(environ, work) as monitor:
        here = monitor.until(lambda build: build["here"]["jobs"])["here"]
        assert ((here["compiling"], here["linking"]), here["jobs"][0]["file"]) == (counts, file)
        assert monitor.until(lambda build: build["limit"]["code"] == "local")


def test_clients_that_wait_for_a_slot(
    environ: dict[str, str], work: Path, start_held: Callable[[int], Distccd]
) -> None:
    environ["DISTCC_HOSTS"] = f"{start_held(1).distcc_host}"
    project = write_c_project(work / "project", 4)
    with client(environ, project, *make(4)), Monitor(environ, work) as monitor:
        build = monitor.until(lambda build: build["here"]["waiting"] == 3)
        assert build["limit"]["code"] == "slots"


def test_builds_in_two_directories(
    environ: dict[str, str], work: Path, start_held: Callable[[int], Distccd]
) -> None:
    """They share the slots of a worker; each says who has them."""
    environ["DISTCC_HOSTS"] = start_held(3).distcc_host
    first, second = (write_c_project(work / name, 2) for name in ("first", "second"))
    with client(environ, first, *make(2)), Monitor(environ, first) as monitor:
        monitor.until(lambda build: len(files_at(build)) == 2)
        with client(environ, second, *make(1)), Monitor(environ, second) as other:
            (worker,) = other.until(files_at)["workers"]
            assert (worker["compiling"], worker["others"], worker["idle"]) == (1, 2, 0)
            (worker,) = monitor.until(lambda build: build["workers"][0]["others"])["workers"]
            assert (worker["compiling"], worker["others"], worker["idle"]) == (2, 1, 0)
            names = {build["directory"] for build in once(environ, work)["builds"]}  # type: ignore[attr-defined]
            assert names == {str(first), str(second)}


@pytest.mark.parametrize("place", ["DISTCC_DIR", "HOME"])
def test_a_build_with_a_hosts_file(
    place: str, environ: dict[str, str], work: Path, start_held: Callable[[int], Distccd]
) -> None:
    """distcc reads the file anew for each client, and so is it read here."""
    first, second = start_held(1), start_held(1)
    if place == "HOME":
        del environ["DISTCC_DIR"]
        os.mkdir(f"{environ['HOME']}/.distcc")
    hosts = os.path.join(environ.get("DISTCC_DIR", f"{environ['HOME']}/.distcc"), "hosts")
    with open(hosts, "w") as file:
        file.write(f"# ours\n{first.distcc_host}\n")
    project = write_c_project(work / "project", 2)
    with client(environ, project, *make(1)), Monitor(environ, work) as monitor:
        assert files_at(monitor.until(files_at)) == {"part0.c": name_of(first)}
        with open(hosts, "w") as file:
            file.write(f"{first.distcc_host} {second.distcc_host}\n")
        with client(environ, project, "make", "CC=distcc gcc", "part1.o"):
            build = monitor.until(lambda build: len(files_at(build)) == 2)
            assert files_at(build) == {"part0.c": name_of(first), "part1.c": name_of(second)}


def test_a_worker_that_is_avoided_and_why(
    environ: dict[str, str], work: Path, start_held: Callable[[int], Distccd]
) -> None:
    """It takes the job, and hangs up when the monitor has seen that."""
    hang_up = threading.Event()

    def hold(connection: socket.socket, closing: threading.Event) -> None:
        hang_up.wait(60)
        del connection, closing

    good = start_held(1)
    (work / "a.c").write_text("int a;\n")
    with Server(hold) as bad:
        environ["DISTCC_HOSTS"] = f"{LOOPBACK}:{bad.port}/1 {good.distcc_host}"
        with client(environ, work, *compile_one("a.c")), Monitor(environ, work) as monitor:
            monitor.until(lambda build: f"{LOOPBACK}:{bad.port}" in files_at(build).values())
            hang_up.set()
            build = monitor.until(lambda build: build["workers"][0]["avoided_s"])
            avoided, other = build["workers"]
            assert 0 < avoided["avoided_s"] <= 60
            assert (avoided["failed"], avoided["done"], other["failed"]) == (1, 0, 0)
            assert avoided["avoided_why"] == "a.c failed there, last seen compiling"
            assert build["limit"]["text"].startswith(f"{LOOPBACK}:{bad.port} is avoided; ")


def test_a_worker_that_failed_before_the_view_began(
    environ: dict[str, str], work: Path, start_held: Callable[[int], Distccd]
) -> None:
    (dead,) = free_ports(1)
    environ["DISTCC_HOSTS"] = f"{LOOPBACK}:{dead}/1 {start_held(1).distcc_host}"
    (work / "a.c").write_text("int a;\n")
    with client(environ, work, *compile_one("a.c")):
        mark = f"{environ['DISTCC_DIR']}/lock/backoff_tcp_{LOOPBACK}_{dead}_0"
        wait_until(lambda: os.path.exists(mark), "distcc has marked it")
        with Monitor(environ, work) as monitor:
            avoided = monitor.until(files_at)["workers"][0]
            assert (avoided["failed"], avoided["avoided_why"]) == (0, None)
            assert avoided["avoided_s"] > 0


def test_a_file_that_is_repeated_here(environ: dict[str, str], work: Path, held: HeldCompilers) -> None:
    hang_up = threading.Event()

    def hold(connection: socket.socket, closing: threading.Event) -> None:
        hang_up.wait(60)
        del connection, closing

    environ["PATH"] = f"{held.directory}:{environ['PATH']}"
    (work / "a.c").write_text("int a;\n")
    with Server(hold) as bad:
        environ["DISTCC_HOSTS"] = f"{LOOPBACK}:{bad.port}/1"
        with client(environ, work, *compile_one("a.c")), Monitor(environ, work) as monitor:
            monitor.until(files_at)
            hang_up.set()
            build = monitor.until(lambda build: build["here"]["jobs"])
            here = build["here"]
            assert (here["repeated"], here["compiling"], here["jobs"][0]["file"]) == (1, 1, "a.c")
            assert build["workers"][0]["failed"] == 1


EVIL = "\x1b[2J\x07\n\udcff.c"


def test_a_file_name_with_control_characters(
    environ: dict[str, str], work: Path, start_held: Callable[[int], Distccd], held: HeldCompilers
) -> None:
    environ["DISTCC_HOSTS"] = start_held(1).distcc_host
    (work / EVIL).write_text("int a;\n")
    with client(environ, work, *compile_one(EVIL)) as process:
        with Monitor(environ, work) as monitor:
            assert list(files_at(monitor.until(files_at))) == [EVIL]
        for words in (["--once"], ["--once", "--json"], []):
            with Driver(environ, work, "monitor", str(work), *words) as driver:
                if not words:
                    assert "1 compiling" in driver.line()
                    held.release(1)
                    assert process.wait(60) == 0
                shown = driver.rest()
                assert "Traceback" not in shown
                assert [line for line in shown.splitlines() if not line.isprintable()] == []


def test_no_build(environ: dict[str, str], work: Path) -> None:
    result = run_driver(environ, work, "monitor", "--once", str(work))
    assert (result.returncode, result.stdout, result.stderr) == (1, "no build with distcc runs\n", "")
    assert once(environ, work)["builds"] == []


def test_it_waits_for_a_build_and_with_keep_for_the_next(
    environ: dict[str, str], work: Path, start_held: Callable[[int], Distccd], held: HeldCompilers
) -> None:
    environ["DISTCC_HOSTS"] = start_held(1).distcc_host
    (work / "a.c").write_text("int a;\n")
    with Monitor(environ, work, "--keep") as monitor:
        assert monitor.document()["builds"] == []
        for _ in range(2):
            with client(environ, work, *compile_one("a.c")) as process:
                monitor.until(files_at)
                held.release(1)
                assert process.wait(60) == 0
            while monitor.document()["builds"]:
                pass
        assert monitor.end(signal.SIGINT) == (130, "")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_it(number: int, status: int, environ: dict[str, str], work: Path) -> None:
    with Monitor(environ, work) as monitor:
        monitor.document()
        code, said = monitor.end(number)
    assert code == status
    assert said == f"distcc-driver: ended by {signal.Signals(number).name}\n"


def test_a_pipe_gets_a_line_for_each_change(
    environ: dict[str, str], work: Path, start_held: Callable[[int], Distccd], held: HeldCompilers
) -> None:
    worker = start_held(2)
    environ["DISTCC_HOSTS"] = worker.distcc_host
    (work / "a.c").write_text("int a;\n")
    with client(environ, work, *compile_one("a.c")) as process:
        with Monitor(environ, work) as monitor:
            monitor.until(files_at)
        with Driver(environ, work, "monitor", str(work)) as driver:
            first = driver.line()
            held.release(1)
            assert process.wait(60) == 0
            rest = driver.rest().splitlines()
            assert driver.wait() == (0, "")
    name = f"{work} {name_of(worker)}"
    assert re.fullmatch(rf"\d\d:\d\d:\d\d {re.escape(name)}: 1/2 slots: 1 compiling, 1 idle\n", first)
    changes = [line.partition(" ")[2] for line in rest if f" {name}: " in line]
    assert changes[-1] == f"{name}: 0/2 slots: 2 idle"
    assert len(set(changes)) == len(changes)


def test_1024_slots(environ: dict[str, str], work: Path, start_held: Callable[[int], Distccd]) -> None:
    worker = start_held(1)
    others = [f"127.1.{number}.1/32" for number in range(32)]
    environ["DISTCC_HOSTS"] = " ".join([worker.distcc_host, *others])
    (work / "a.c").write_text("int a;\n")
    with client(environ, work, *compile_one("a.c")), Monitor(environ, work) as monitor:
        monitor.until(files_at)
        for number in range(32):
            for slot in range(32):
                name = f"cpu_tcp_127.1.{number}.1_3632_{slot}"
                with open(f"{environ['DISTCC_DIR']}/lock/{name}", "w"):
                    pass
        build = monitor.until(files_at)
        assert sum(one["idle"] for one in build["workers"]) == 1024
        assert files_at(build) == {"a.c": name_of(worker)}


@needs_root
def test_a_state_directory_of_somebody_else(
    environ: dict[str, str], work: Path, start_held: Callable[[int], Distccd]
) -> None:
    environ["DISTCC_HOSTS"] = start_held(1).distcc_host
    (work / "a.c").write_text("int a;\n")
    with client(environ, work, *compile_one("a.c")), Monitor(environ, work) as monitor:
        monitor.until(files_at)
        os.chown(environ["DISTCC_DIR"], 65534, 65534)
        build = monitor.until(lambda build: build["notes"])
        said = "belongs to another user, who can change what is shown here"
        assert build["notes"] == [f"{environ['DISTCC_DIR']}: {said}"]
        assert files_at(build)


@needs_root
def test_a_state_directory_behind_somebody_elses_link(
    environ: dict[str, str], work: Path, start_held: Callable[[int], Distccd], tmp_path: Path
) -> None:
    environ["DISTCC_HOSTS"] = start_held(1).distcc_host
    link = tmp_path / "link"
    link.symlink_to(environ["DISTCC_DIR"])
    os.chown(link, 65534, 65534, follow_symlinks=False)
    environ["DISTCC_DIR"] = str(link)
    (work / "a.c").write_text("int a;\n")
    with client(environ, work, *compile_one("a.c")), Monitor(environ, work) as monitor:
        build = monitor.until(lambda build: build["notes"])
        said = "is a link that another user has made; it is not followed"
        assert build["notes"] == [f"{link}: {link} {said}"]
        assert build["workers"][0]["jobs"] == []


PS = """\
#!/bin/sh
echo "{pid} distcc gcc -c a.c"
"""


@pytest.mark.skipif(not may_unshare("--mount"), reason="this user may not make mounts of their own")
def test_where_there_is_no_proc(
    environ: dict[str, str], work: Path, start_held: Callable[[int], Distccd], tmp_path: Path
) -> None:
    """The ps of this machine needs it: one that says what those of other systems do is in its place."""
    environ["DISTCC_HOSTS"] = start_held(1).distcc_host
    (work / "a.c").write_text("int a;\n")
    with client(environ, work, *compile_one("a.c")) as process:
        with Monitor(environ, work) as monitor:
            monitor.until(files_at)
        programs = tmp_path / "programs"
        programs.mkdir()
        (programs / "ps").write_text(PS.format(pid=process.pid))
        (programs / "ps").chmod(0o755)
        elsewhere = environ | {"PATH": f"{programs}:{environ['PATH']}"}
        done = run_driver_in(with_mounts("mount -t tmpfs none /proc"), elsewhere, work)
    document = json.loads(done)
    assert_shape(document, "`monitor`")
    (build,) = document["builds"]
    assert files_at(build) == {"a.c": monitor_host(environ)}
    assert build["here"]["processors"] is None
    assert document["notes"][0].startswith("this system has no /proc: ")


def run_driver_in(prefix: Sequence[str], environ: Mapping[str, str], work: Path) -> str:
    command = [*prefix, *driver_command("monitor", "--once", "--json")]
    done = subprocess.run(command, env=environ, cwd=work, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_it_changes_nothing(
    environ: dict[str, str], work: Path, start_held: Callable[[int], Distccd]
) -> None:
    """Neither files nor their times, nor does it start a process."""
    environ["DISTCC_HOSTS"] = start_held(1).distcc_host
    (work / "a.c").write_text("int a;\n")
    with client(environ, work, *compile_one("a.c")), Monitor(environ, work) as monitor:
        monitor.until(files_at)
        before = times(environ["DISTCC_DIR"])
        for _ in range(5):
            monitor.document()
            assert descendants(monitor.pid) == []
        assert times(environ["DISTCC_DIR"]) == before


def times(directory: str) -> dict[str, tuple[int, int]]:
    found = {}
    for place, directories, files in os.walk(directory):
        for name in [*directories, *files]:
            status = os.stat(os.path.join(place, name))
            found[os.path.join(place, name)] = status.st_mtime_ns, status.st_ctime_ns
    return found
