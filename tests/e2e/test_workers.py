"""Builds over workers of every kind; the workers' own counters show how much each compiled."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
from typing import TYPE_CHECKING

import pytest

from tests.support import servers
from tests.support.hostlist import workers_of
from tests.support.ports import LOOPBACK, LOOPBACK6, host_spec, refusing_port, silent_port
from tests.support.servers import Server
from tests.support.shells import MASQUERADE, Recorder, UserShell, write_c_project

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.distccd import Distccd


def build(shell: UserShell, hosts: list[str], files: int = 12) -> str:
    """Build a C project over `hosts` with no local job; return standard error."""
    write_c_project(shell.cwd / "project", files)
    shell.environ.update(
        PATH=f"{MASQUERADE}:{shell.environ['PATH']}", DISTCC_AUTO_HOSTS=" ".join(hosts), DISTCC_FALLBACK="0"
    )
    result = shell.run("distcc_build make -C project")
    assert result.returncode == 0, result.stderr
    assert (shell.cwd / "project" / "program").exists()
    return str(result.stderr)


def said_of(spec: str, stderr: str) -> str:
    """The one line about a host; it begins with the host's entry."""
    lines = [line for line in stderr.splitlines() if line.startswith(f"distcc-driver: {spec}: ")]
    assert len(lines) == 1, stderr
    return lines[0]


def test_several_workers_share_the_files(
    user_shell: UserShell, start_distccd: Callable[..., Distccd]
) -> None:
    big, small = start_distccd(jobs=4), start_distccd(jobs=2)
    build(user_shell, [small.spec, big.spec])
    assert big.compiled + small.compiled == 12
    assert big.compiled > 0
    assert small.compiled > 0


def test_an_ipv6_worker_compiles(user_shell: UserShell, start_distccd: Callable[..., Distccd]) -> None:
    worker = start_distccd(address=LOOPBACK6)
    build(user_shell, [f"tcp://{worker.spec}"])
    assert worker.compiled == 12


def test_localhost_is_the_daemon_on_this_machine(
    user_shell: UserShell, start_distccd: Callable[..., Distccd]
) -> None:
    worker = start_distccd()
    build(user_shell, [f"localhost:{worker.job_port}:{worker.stats_port}"])
    assert worker.compiled == 12


def test_the_build_goes_on_without_the_dead_the_refusing_and_the_hanging(
    user_shell: UserShell, start_distccd: Callable[..., Distccd]
) -> None:
    worker = start_distccd()
    user_shell.environ["DISTCC_AUTO_CONNECT_TIMEOUT"] = "0.5"
    with silent_port() as silent, refusing_port() as refusing, Server(servers.hang) as hanging:
        dead = host_spec(LOOPBACK, silent, silent)
        refused = host_spec(LOOPBACK, refusing, refusing)
        hung = host_spec(LOOPBACK, worker.job_port, hanging.port)
        stderr = build(user_shell, [dead, refused, worker.spec, hung])
    assert worker.compiled == 12
    assert "timed out after 0.5 s" in said_of(dead, stderr)
    assert "refused" in said_of(refused, stderr)
    assert "timed out after 1 s" in said_of(hung, stderr)
    assert re.search(rf"^distcc-driver: -j \d+ = 4 remote \({worker.spec}: 4\)", stderr, re.MULTILINE)


def test_an_address_that_cannot_even_be_tried_costs_no_time(user_shell: UserShell) -> None:
    """The kernel refuses at once, so the build does not wait."""
    spec = "255.255.255.255:1:2"
    stderr = build(user_shell, [spec])
    assert "stats port 2" in said_of(spec, stderr)
    assert "timed out" not in stderr


def test_a_worker_that_refuses_jobs_is_left_out_though_its_stats_answer(
    user_shell: UserShell, start_distccd: Callable[..., Distccd]
) -> None:
    worker, mute = start_distccd(), start_distccd()
    with refusing_port() as closed:
        spec = host_spec(LOOPBACK, closed, mute.stats_port)
        stderr = build(user_shell, [spec, worker.spec])
    assert f"job port {closed} refused" in said_of(spec, stderr)
    assert worker.compiled == 12
    assert mute.compiled == 0


def test_a_worker_whose_job_port_drops_packets_is_left_out(
    user_shell: UserShell, start_distccd: Callable[..., Distccd]
) -> None:
    worker, mute = start_distccd(), start_distccd()
    user_shell.environ["DISTCC_AUTO_CONNECT_TIMEOUT"] = "0.5"
    with silent_port() as silent:
        spec = host_spec(LOOPBACK, silent, mute.stats_port)
        stderr = build(user_shell, [spec, worker.spec])
    assert f"job port {silent} timed out" in said_of(spec, stderr)
    assert worker.compiled == 12


def test_free_memory_limits_the_jobs_of_a_worker(
    user_shell: UserShell, start_distccd: Callable[..., Distccd]
) -> None:
    big, small = start_distccd(jobs=8), start_distccd(jobs=3)
    with Server(servers.with_free_memory(LOOPBACK, big.stats_port, 2500)) as proxy:
        spec = host_spec(LOOPBACK, big.job_port, proxy.port)
        stderr = build(user_shell, [spec, small.spec])
    assert f"5 remote ({small.spec}: 3, {spec}: 2)" in stderr
    assert big.compiled + small.compiled == 12
    assert big.compiled > 0


def test_a_worker_without_memory_for_one_compiler_gets_no_job(
    user_shell: UserShell, start_distccd: Callable[..., Distccd]
) -> None:
    poor, other = start_distccd(), start_distccd()
    with Server(servers.with_free_memory(LOOPBACK, poor.stats_port, 1023)) as proxy:
        spec = host_spec(LOOPBACK, poor.job_port, proxy.port)
        stderr = build(user_shell, [spec, other.spec])
    assert spec not in stderr
    assert other.compiled == 12
    assert poor.compiled == 0


def test_memory_does_not_count_if_the_user_says_so(
    user_shell: UserShell, start_distccd: Callable[..., Distccd], recorder: Recorder
) -> None:
    worker = start_distccd(jobs=3)
    with Server(servers.with_free_memory(LOOPBACK, worker.stats_port, 1)) as proxy:
        user_shell.environ.update(
            DISTCC_AUTO_HOSTS=host_spec(LOOPBACK, worker.job_port, proxy.port),
            DISTCC_AUTO_COMPILER_MEMORY="0",
            DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS="0",
        )
        user_shell.run(f"distcc_build {recorder.word}")
    assert workers_of(recorder.environ["DISTCC_HOSTS"]) == worker.distcc_host


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (servers.html, "not a distccd stats page"),
        (servers.endless, "without end"),
        (servers.reset, "closed without a reply"),
        (servers.empty, "not allowed for this client?"),
        (servers.trickle, "timed out after 1 s"),
        (servers.saying(b"<distccstats>\ndcc_max_kids many\n</distccstats>\n"), "not a whole number"),
        (servers.saying(b"<distccstats>\ndcc_max_kids 0\n</distccstats>\n"), "0 slots"),
        (servers.saying(b"<distccstats>\ndcc_max_kids 4097\n</distccstats>\n"), "4097 slots"),
        (servers.saying(b"<distccstats>\ndcc_load1 1\n</distccstats>\n"), "dcc_max_kids"),
        (servers.saying(b"\x1b[2J\0\xff\n" * 50), "not a distccd stats page"),
    ],
    ids=["html", "endless", "reset", "empty", "trickle", "word", "none", "too-many", "no-slots", "binary"],
)
def test_a_reply_that_is_no_stats_page_costs_the_build_one_line(
    answer: servers.Answer, cause: str, ready_shell: UserShell, shared_distccd: Distccd, recorder: Recorder
) -> None:
    with Server(answer) as server:
        spec = host_spec(LOOPBACK, shared_distccd.job_port, server.port)
        ready_shell.environ.update(
            DISTCC_AUTO_HOSTS=f"{spec} {shared_distccd.spec}", DISTCC_AUTO_CONNECT_TIMEOUT="0.5"
        )
        result = ready_shell.run(f"distcc_build {recorder.word}")
        assert server.connections == 1, "the stats port must be asked once, never in a loop"
    assert result.returncode == 0
    assert cause in said_of(spec, result.stderr)
    assert len(result.stderr.splitlines()) == 2
    assert result.stderr.replace("\n", "").isprintable()
    assert workers_of(recorder.environ["DISTCC_HOSTS"]) == shared_distccd.distcc_host


def test_a_page_without_its_end_counts_if_the_slots_are_there(
    user_shell: UserShell, start_distccd: Callable[..., Distccd], recorder: Recorder
) -> None:
    worker = start_distccd()
    with Server(servers.saying(b"<distccstats>\ndcc_max_kids 3\ndcc_max_RSS_name (cut off he")) as server:
        user_shell.environ["DISTCC_AUTO_HOSTS"] = host_spec(LOOPBACK, worker.job_port, server.port)
        user_shell.run(f"distcc_build {recorder.word}")
    assert f"127.0.0.1:{worker.job_port}/3,lzo" in recorder.environ["DISTCC_HOSTS"]


def test_a_name_that_does_not_exist_is_left_out(ready_shell: UserShell, shared_distccd: Distccd) -> None:
    ready_shell.environ.update(
        DISTCC_AUTO_HOSTS=f"no-such-host.invalid {shared_distccd.spec}", DISTCC_AUTO_CONNECT_TIMEOUT="1"
    )
    result = ready_shell.run("distcc_build true")
    assert result.returncode == 0
    assert re.search(r"name not (found|resolved)", said_of("no-such-host.invalid", result.stderr))


def test_ten_hosts_are_asked_at_the_same_time(user_shell: UserShell, recorder: Recorder) -> None:
    """Each host answers only when all ten have been asked. If they were asked in turn, all would time out."""
    everybody = threading.Barrier(10)

    def answer(connection: socket.socket, closing: threading.Event) -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            everybody.wait(20)
            servers.saying(b"<distccstats>\ndcc_max_kids 1\n</distccstats>\n")(connection, closing)

    with contextlib.ExitStack() as stack:
        job_ports = [stack.enter_context(Server(servers.hang)).port for _ in range(10)]
        stats_ports = [stack.enter_context(Server(answer)).port for _ in range(10)]
        pairs = zip(job_ports, stats_ports, strict=True)
        user_shell.environ.update(
            DISTCC_AUTO_HOSTS=" ".join(host_spec(LOOPBACK, *pair) for pair in pairs),
            DISTCC_AUTO_CONNECT_TIMEOUT="10",
        )
        result = user_shell.run(f"distcc_build {recorder.word}")
    assert "= 10 remote (" in result.stderr
    assert "2 more)" in result.stderr


def test_ten_dead_hosts_are_named_and_the_build_is_local(user_shell: UserShell, recorder: Recorder) -> None:
    with contextlib.ExitStack() as stack:
        ports = [stack.enter_context(silent_port()) for _ in range(10)]
        specs = [host_spec(LOOPBACK, port, port) for port in ports]
        user_shell.environ.update(
            DISTCC_AUTO_HOSTS=" ".join(specs),
            DISTCC_AUTO_CONNECT_TIMEOUT="0.5",
            DISTCC_AUTO_FALLBACK_LOCAL_JOBS="2",
        )
        result = user_shell.run(f"distcc_build {recorder.word}")
    for spec in specs:
        assert "timed out" in said_of(spec, result.stderr)
    assert recorder.environ["DISTCC_HOSTS"].startswith("localhost/2 --localslots=")
    assert workers_of(recorder.environ["DISTCC_HOSTS"]) == ""


def test_without_a_worker_the_build_is_local(
    user_shell: UserShell, start_distccd: Callable[..., Distccd]
) -> None:
    unused = start_distccd()
    user_shell.environ["DISTCC_AUTO_FALLBACK_LOCAL_JOBS"] = "2"
    with refusing_port() as refusing:
        stderr = build(user_shell, [host_spec(LOOPBACK, refusing, unused.stats_port)])
    assert "-j 2 = 2 local: no worker is available; run distcc-driver doctor" in stderr
    assert unused.compiled == 0


def test_a_worker_that_dies_after_it_was_asked_does_not_fail_the_build(
    user_shell: UserShell, start_distccd: Callable[..., Distccd]
) -> None:
    """distcc goes to another worker by itself. It may leave temporary files, which the test ignores."""
    worker, doomed = start_distccd(), start_distccd(jobs=6)
    write_c_project(user_shell.cwd / "project", 6)
    user_shell.environ.update(
        PATH=f"{MASQUERADE}:{user_shell.environ['PATH']}", DISTCC_AUTO_HOSTS=f"{doomed.spec} {worker.spec}"
    )
    user_shell.environ["DOOMED"] = str(doomed.pid)
    result = user_shell.run(
        'die_and_make() { kill $DOOMED; TMPDIR=$PWD/project make -C project "$@"; }\n'
        "distcc_build die_and_make"
    )
    assert result.returncode == 0, result.stderr
    assert (user_shell.cwd / "project" / "program").exists()


def test_ccache_asks_the_workers_for_files_that_it_lacks(
    user_shell: UserShell, start_distccd: Callable[..., Distccd]
) -> None:
    worker = start_distccd()
    write_c_project(user_shell.cwd / "project", 6)
    user_shell.environ.update(DISTCC_AUTO_HOSTS=worker.spec, DISTCC_FALLBACK="0")
    script = "distcc_build make -C project 'CC=ccache gcc'"
    result = user_shell.run(script)
    assert result.returncode == 0, result.stderr
    assert worker.compiled == 6
    for file in (user_shell.cwd / "project").glob("*.o"):
        file.unlink()
    result = user_shell.run(script)
    assert result.returncode == 0, result.stderr
    assert worker.compiled == 6


def test_distcc_in_front_of_the_compiler(
    user_shell: UserShell, start_distccd: Callable[..., Distccd]
) -> None:
    worker = start_distccd()
    write_c_project(user_shell.cwd / "project", 6)
    user_shell.environ.update(DISTCC_AUTO_HOSTS=worker.spec, DISTCC_FALLBACK="0")
    result = user_shell.run("distcc_build make -C project 'CC=distcc gcc'")
    assert result.returncode == 0, result.stderr
    assert worker.compiled == 6


def test_a_compiler_error_is_the_users_to_see(
    user_shell: UserShell, start_distccd: Callable[..., Distccd]
) -> None:
    worker = start_distccd()
    project = write_c_project(user_shell.cwd / "project", 2)
    (project / "part1.c").write_text("int part1(void) { return no_such_name; }\n")
    user_shell.environ.update(
        PATH=f"{MASQUERADE}:{user_shell.environ['PATH']}", DISTCC_AUTO_HOSTS=worker.spec, DISTCC_FALLBACK="0"
    )
    result = user_shell.run("distcc_build make -C project")
    assert result.returncode == 2
    assert "no_such_name" in result.stderr
    assert worker.counters()["dcc_compile_error"] == 1


def test_a_worker_may_take_longer_than_the_connect_timeout_to_answer(
    user_shell: UserShell, shared_distccd: Distccd
) -> None:
    """The stats port may take twice that time, if the job port has accepted."""
    page = shared_distccd.stats_page().encode()

    def answer(connection: socket.socket, closing: threading.Event) -> None:
        closing.wait(1.5)
        connection.sendall(page)

    with Server(answer) as server:
        entry = host_spec(LOOPBACK, shared_distccd.job_port, server.port)
        user_shell.environ.update(DISTCC_AUTO_HOSTS=entry, DISTCC_AUTO_CONNECT_TIMEOUT="1")
        assert f"remote ({entry}: " in user_shell.run("distcc_build true").stderr


def test_a_whole_reply_counts_though_a_reset_follows_at_once(
    user_shell: UserShell, shared_distccd: Distccd
) -> None:
    page = shared_distccd.stats_page().encode()

    def answer(connection: socket.socket, closing: threading.Event) -> None:
        del closing
        connection.sendall(page)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with Server(answer) as server:
        entry = host_spec(LOOPBACK, shared_distccd.job_port, server.port)
        user_shell.environ["DISTCC_AUTO_HOSTS"] = entry
        assert f"remote ({entry}: " in user_shell.run("distcc_build true").stderr
