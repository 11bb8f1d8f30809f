"""Variables that distcc_build sets for a build, and variables that it keeps away from the build."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from distcc_driver.machine.capacity import local_capacity
from tests.support import servers
from tests.support.hostlist import workers_of
from tests.support.ports import LOOPBACK, host_spec, refusing_port
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.distccd import Distccd
    from tests.support.shells import Recorder, UserShell

THREADS = local_capacity().threads


def stats_page(slots: int, load: float) -> bytes:
    loads = "".join(f"dcc_load{number} {load:.2f}\n" for number in (1, 2, 3))
    return f"argv /distccd\n<distccstats>\ndcc_max_kids {slots}\n{loads}</distccstats>\n".encode()


def test_hosts_jobs_and_totals(
    user_shell: UserShell, start_distccd: Callable[..., Distccd], recorder: Recorder
) -> None:
    small, big = start_distccd(jobs=3), start_distccd(jobs=7)
    user_shell.environ.update(
        DISTCC_AUTO_HOSTS=f"{small.spec}\n\t{big.spec}  {small.spec} {small.spec.upper()}",
        DISTCC_AUTO_EARLY_LOCAL_JOBS="2",
        DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS="8",
        DISTCC_AUTO_COMPILER_MEMORY="1",
    )
    result = user_shell.run(f"distcc_build {recorder.word} all")
    assert recorder.environ["DISTCC_HOSTS"] == (
        f"localhost/2 --localslots={max(2, THREADS)} --localslots_cpp=8 {big.distcc_host} {small.distcc_host}"
    )
    assert recorder.arguments == [b"all", b"-j", b"20"]
    assert result.stdout == ""
    assert result.stderr == (
        f"distcc-driver: -j 20 = 10 remote ({big.spec}: 7, {small.spec}: 3) + 2 local + 8 preprocessing\n"
    )


def test_an_ipv6_worker_stands_in_brackets(
    user_shell: UserShell, start_distccd: Callable[..., Distccd], recorder: Recorder
) -> None:
    worker = start_distccd(address="::1")
    user_shell.environ["DISTCC_AUTO_HOSTS"] = worker.spec
    user_shell.run(f"distcc_build {recorder.word}")
    assert recorder.environ["DISTCC_HOSTS"].split()[-1] == f"[::1]:{worker.job_port}/4,lzo"


def test_order_is_by_jobs_then_load_then_memory_then_mention(
    user_shell: UserShell, start_distccd: Callable[..., Distccd], recorder: Recorder
) -> None:
    workers = {name: start_distccd(jobs=1) for name in ("first", "second", "idle", "roomy", "big")}
    pages = {
        "first": stats_page(4, 2.0),
        "second": stats_page(4, 2.0),
        "idle": stats_page(4, 0.5),
        "roomy": stats_page(4, 2.0).replace(b"</", b"dcc_free_mem 9000 MB\n</"),
        "big": stats_page(5, 9.0),
    }
    with (
        Server(servers.saying(pages["first"])) as first,
        Server(servers.saying(pages["second"])) as second,
        Server(servers.saying(pages["idle"])) as idle,
        Server(servers.saying(pages["roomy"])) as roomy,
        Server(servers.saying(pages["big"])) as big,
    ):
        ports = {"first": first, "second": second, "idle": idle, "roomy": roomy, "big": big}
        user_shell.environ["DISTCC_AUTO_HOSTS"] = " ".join(
            host_spec(LOOPBACK, workers[name].job_port, server.port) for name, server in ports.items()
        )
        user_shell.run(f"distcc_build {recorder.word}")
    order = re.findall(r"127\.0\.0\.1:(\d+)/", recorder.environ["DISTCC_HOSTS"])
    names = {str(worker.job_port): name for name, worker in workers.items()}
    assert [names[port] for port in order] == ["big", "idle", "roomy", "first", "second"]


def test_defaults_follow_from_the_threads_of_this_machine(
    user_shell: UserShell, shared_distccd: Distccd, recorder: Recorder
) -> None:
    """A variable that is set but empty has its default.

    A CPU quota may allow fewer threads than the affinity.
    """
    user_shell.environ.update(
        DISTCC_AUTO_HOSTS=shared_distccd.spec,
        DISTCC_AUTO_COMPILER_MEMORY="",
        DISTCC_AUTO_EARLY_LOCAL_JOBS="",
        DISTCC_AUTO_FALLBACK_LOCAL_JOBS="",
        DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS="",
        DISTCC_AUTO_CONNECT_TIMEOUT="",
        DISTCC_AUTO_LOG_LEVEL="",
    )
    user_shell.run(f"distcc_build {recorder.word}")
    hosts = re.fullmatch(r"--localslots=(\d+) --localslots_cpp=(\d+) (\S+)", recorder.environ["DISTCC_HOSTS"])
    assert hosts is not None
    assert hosts[3] == shared_distccd.distcc_host
    assert 1 <= int(hosts[1]) <= THREADS
    assert int(hosts[2]) == THREADS
    assert recorder.jobs == 5 + THREADS


def test_no_saturation_jobs_where_the_user_wants_none(ready_shell: UserShell, recorder: Recorder) -> None:
    ready_shell.run(f"distcc_build {recorder.word}")
    assert "--localslots_cpp" not in recorder.environ["DISTCC_HOSTS"]
    assert recorder.jobs == 5


def test_a_pause_is_chosen_where_the_user_has_set_none(ready_shell: UserShell, recorder: Recorder) -> None:
    ready_shell.environ["DISTCC_PAUSE_TIME_MSEC"] = ""
    ready_shell.run(f"distcc_build {recorder.word}")
    assert 1 <= int(recorder.environ["DISTCC_PAUSE_TIME_MSEC"]) <= 1000


def test_the_pause_of_the_user_wins(ready_shell: UserShell, recorder: Recorder) -> None:
    ready_shell.environ["DISTCC_PAUSE_TIME_MSEC"] = "777"
    ready_shell.run(f"distcc_build {recorder.word}")
    assert recorder.environ["DISTCC_PAUSE_TIME_MSEC"] == "777"


def test_the_hosts_of_the_user_are_replaced_with_one_warning(
    ready_shell: UserShell, shared_distccd: Distccd, recorder: Recorder
) -> None:
    ready_shell.environ["DISTCC_HOSTS"] = "one two"
    result = ready_shell.run(f'distcc_build {recorder.word}; printf "%s\\n" "$DISTCC_HOSTS"')
    assert workers_of(recorder.environ["DISTCC_HOSTS"]) == shared_distccd.distcc_host
    warnings = [line for line in result.stderr.splitlines() if "DISTCC_HOSTS:" in line]
    assert len(warnings) == 1
    assert warnings[0].startswith("distcc-driver: DISTCC_HOSTS: ignored")
    assert result.stdout == "one two\n", "the user's own value is as it was"


ALL_EXPORT = [("bash", "set -a"), ("zsh", "setopt all_export")]


@pytest.mark.parametrize(
    ("user_shell", "before"),
    [("bash", ""), ("zsh", ""), *ALL_EXPORT],
    indirect=["user_shell"],
    ids=["bash", "zsh", "bash-all_export", "zsh-all_export"],
)
def test_nothing_of_ours_reaches_the_build(before: str, ready_shell: UserShell, recorder: Recorder) -> None:
    ready_shell.environ.update(
        DISTCC_AUTO_LOG_LEVEL="warning",
        DISTCC_AUTO_CONNECT_TIMEOUT="2",
        DISTCC_AUTO_FALLBACK_LOCAL_JOBS="1",
        DISTCC_AUTO_EARLY_LOCAL_JOBS="0",
        DISTCC_AUTO_COMPILER_MEMORY="1",
        DISTCC_AUTO_NOT_KNOWN="x",
        DISTCC_DRIVER_PYTHON="python3",
    )
    ready_shell.run(f"distcc_build {recorder.word}", before=before)
    ours = [
        name for name in recorder.environ if re.search("distcc_|DISTCC_(AUTO|DRIVER)|distcc.driver", name)
    ]
    assert ours == []
    new = set(recorder.environ) - set(ready_shell.environ) - {"PWD", "OLDPWD", "SHLVL", "_"}
    # CCACHE_PREFIX is not set if the path of the clone has a blank.
    assert new - {"CCACHE_PREFIX"} == {"DISTCC_HOSTS", "DISTCC_PAUSE_TIME_MSEC"}


@pytest.mark.parametrize(("user_shell", "before"), ALL_EXPORT, indirect=["user_shell"], ids=["bash", "zsh"])
def test_a_command_beside_the_build_sees_nothing_of_ours(
    before: str, ready_shell: UserShell, recorder: Recorder
) -> None:
    ready_shell.run(f"distcc_build true; {recorder.word}", before=before)
    assert set(recorder.environ) - set(ready_shell.environ) <= {"PWD", "OLDPWD", "SHLVL", "_"}


def test_what_the_user_exports_reaches_the_build(ready_shell: UserShell, recorder: Recorder) -> None:
    ready_shell.environ.update(CFLAGS="-O2 '-DX=\"a b\"'", DISTCC_VERBOSE="0", DISTCC_FALLBACK="1")
    ready_shell.run(f"export MINE=$'two\\nlines'\nCC=cc distcc_build {recorder.word}")
    for name in ("CFLAGS", "DISTCC_VERBOSE", "DISTCC_FALLBACK"):
        assert recorder.environ[name] == ready_shell.environ[name]
    assert recorder.environ["MINE"] == "two\nlines"
    assert recorder.environ["CC"] == "cc"


def test_settings_may_stand_in_front_of_one_build(
    user_shell: UserShell, shared_distccd: Distccd, recorder: Recorder
) -> None:
    user_shell.run(
        f"DISTCC_AUTO_HOSTS={shared_distccd.spec} DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS=2 "
        f"distcc_build {recorder.word}"
    )
    assert recorder.jobs == 7


def test_settings_in_front_of_a_build_do_not_uncover_the_exported_ones(
    ready_shell: UserShell, recorder: Recorder
) -> None:
    """In bash, `NAME=value function` hides the exported NAME. One unset would only uncover that."""
    ready_shell.environ["DISTCC_AUTO_LOG_LEVEL"] = "info"
    ready_shell.run(
        f"build() {{ DISTCC_AUTO_LOG_LEVEL=debug distcc_build {recorder.word}; }}\n"
        "DISTCC_AUTO_LOG_LEVEL=warning build"
    )
    assert not [name for name in recorder.environ if name.startswith("DISTCC_AUTO_")]


def test_a_build_inside_a_build_says_what_is_wrong(ready_shell: UserShell, recorder: Recorder) -> None:
    """The inner distcc_build finds no settings, because the outer one removes them from the environment."""
    result = ready_shell.run(f"distcc_build distcc_build {recorder.word}")
    assert result.returncode == 96
    assert not recorder.has_run
    _, replaced, missing = result.stderr.splitlines()
    assert replaced.startswith("distcc-driver: DISTCC_HOSTS: ")
    assert missing.startswith("distcc-driver: DISTCC_AUTO_HOSTS: ")


def test_local_jobs_without_a_worker(user_shell: UserShell, recorder: Recorder) -> None:
    with refusing_port() as port:
        user_shell.environ.update(
            DISTCC_AUTO_HOSTS=host_spec(LOOPBACK, port, port),
            DISTCC_AUTO_FALLBACK_LOCAL_JOBS="3",
            DISTCC_AUTO_EARLY_LOCAL_JOBS="9",
            DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS="7",
            DISTCC_AUTO_COMPILER_MEMORY="1",
        )
        result = user_shell.run(f"distcc_build {recorder.word}")
    assert recorder.environ["DISTCC_HOSTS"] == f"localhost/3 --localslots={max(3, THREADS)}"
    assert recorder.jobs == 3
    assert "no worker is available" in result.stderr
