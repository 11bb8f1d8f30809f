"""Unusual machines, users and limits: the build runs, or one line says why there is none."""

from __future__ import annotations

import ast
import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

import distcc_driver
from tests.support.commands import driver_command
from tests.support.farm import Farm
from tests.support.hostlist import workers_of
from tests.support.namespaces import may_unshare, with_mounts, with_processes
from tests.support.place import ROOT
from tests.support.processes import arguments_of, has_in_environment, is_alive, pids
from tests.support.refusals import assert_refused
from tests.support.shells import UserShell

from .ssh.conftest import behind, keys, shared_sshd, ssh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.distccd import Distccd
    from tests.support.shells import Recorder
    from tests.support.sshd import Sshd, SshUser

__all__ = ["keys", "shared_sshd", "ssh"]

KINDS = ["tcp", "ssh"]
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root may do this to a machine")
MOUNTS = pytest.mark.skipif(not may_unshare("--mount"), reason="this user may not make mounts of their own")


@pytest.fixture
def shell(request: pytest.FixtureRequest, ready_shell: UserShell, shared_distccd: Distccd) -> UserShell:
    """A shell whose host list is one worker with 5 slots: over TCP, or over ssh if the test says so."""
    if getattr(request, "param", "tcp") == "ssh":
        user: SshUser = request.getfixturevalue("ssh")
        sshd: Sshd = request.getfixturevalue("shared_sshd")
        ready_shell.environ["DISTCC_AUTO_HOSTS"] = behind(user.worker("worker", sshd), shared_distccd)
    return ready_shell


class Ended(NamedTuple):
    """How a script ended. `stderr` has only the lines of distcc-driver."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def ours(self) -> list[str]:
        """The lines of distcc-driver."""
        return self.stderr.splitlines()


def run(shell: UserShell, script: str, *prefix: str) -> Ended:
    """Run a script without a terminal, with the words `prefix` in front; check that it leaves no process."""
    finished = subprocess.run(
        [*prefix, *shell.command(os.fsencode(f"{shell.sourcing}\n{script}"))],
        env=shell.environ,
        cwd=shell.cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=240,
        check=False,
        start_new_session=True,
    )
    assert "Traceback" not in finished.stderr
    assert left_of(shell) == []
    ours = [line for line in finished.stderr.splitlines() if line.startswith("distcc-driver: ")]
    return Ended(finished.returncode, finished.stdout, "\n".join(ours))


def left_of(shell: UserShell) -> list[str]:
    """Running processes that a shell has started, even if they have lost their HOME."""
    mark = os.fsencode(f"DISTCC_DIR={shell.environ['DISTCC_DIR']}")
    return [" ".join(arguments_of(pid)) for pid in pids() if has_in_environment(pid, mark) and is_alive(pid)]


def assert_built(ended: Ended, jobs: int = 5, lines: int = 1) -> None:
    assert (ended.returncode, ended.stdout) == (0, f"built -j {jobs}\n"), ended
    assert len(ended.ours) == lines, ended.ours


BUILD = "distcc_build echo built"


# Places


READ_ONLY = 'mount --bind "{0}" "{0}"; mount -o remount,bind,ro "{0}"'
NO_INODE = 'mount -t tmpfs -o mode=700,nr_inodes=1 none "{0}"'
NO_BLOCK = 'mount -t tmpfs -o mode=700,size=4k none "{0}"; head -c 4096 /dev/zero > "{0}/filler"'

NO_SPACE = "No space left on device"


@pytest.fixture
def runtime(environ: dict[str, str]) -> Iterator[Path]:
    """A runtime directory. The build must leave it empty."""
    directory = Path(tempfile.mkdtemp(prefix="dr-"))
    environ["XDG_RUNTIME_DIR"] = str(directory)
    yield directory
    directory.rmdir()


@MOUNTS
@pytest.mark.parametrize("shell", KINDS, indirect=True)
@pytest.mark.parametrize("fault", [READ_ONLY, NO_INODE, NO_BLOCK], ids=["read-only", "no inode", "full"])
def test_a_place_where_nothing_can_be_made_is_not_the_last_one(
    fault: str, shell: UserShell, runtime: Path
) -> None:
    """The driver makes the directory for tunnels elsewhere."""
    assert_built(run(shell, BUILD, *with_mounts(fault.format(runtime))))


@MOUNTS
@pytest.mark.parametrize("shell", KINDS, indirect=True)
@pytest.mark.parametrize(
    ("fault", "cause"),
    [(READ_ONLY, "Read-only file system"), (NO_INODE, NO_SPACE), (NO_BLOCK, NO_SPACE)],
    ids=["read-only", "no inode", "full"],
)
def test_nothing_can_be_made_anywhere(
    fault: str,
    cause: str,
    shell: UserShell,
    runtime: Path,
    request: pytest.FixtureRequest,
) -> None:
    """A build over TCP needs no directory, so it runs."""
    places = [READ_ONLY.format("/tmp"), fault.format(runtime), fault.format(shell.environ["TMPDIR"])]
    ended = run(shell, BUILD, *with_mounts("\n".join(places)))
    if request.node.callspec.params["shell"] == "tcp":
        assert_built(ended)
    else:
        assert_refused(
            ended, "TMPDIR", f"{shell.environ['TMPDIR']} ({cause})", "/tmp (Read-only file system)"
        )


@MOUNTS
@pytest.mark.parametrize("inodes", [2, 3, 4, 5, 6, 8, 10])
def test_a_place_that_is_full_while_tunnels_are_made(
    inodes: int,
    ready_shell: UserShell,
    runtime: Path,
    ssh: SshUser,
    shared_sshd: Sshd,
    shared_distccd: Distccd,
) -> None:
    """The build uses the tunnels that have room there. One line names each cause for the others."""
    entries = [behind(ssh.worker(name, shared_sshd), shared_distccd) for name in ("one", "two", "three")]
    ready_shell.environ["DISTCC_AUTO_HOSTS"] = " ".join([shared_distccd.spec, *entries])
    mount = f'mount -t tmpfs -o mode=700,nr_inodes={inodes} none "{runtime}"'
    ended = run(ready_shell, "distcc_build echo built", *with_mounts(mount))
    assert not [line for line in ended.ours if "internal error" in line]
    if ended.returncode == 0:
        assert ended.stdout.startswith("built -j ")
        assert "remote (" in ended.ours[-1]
    else:
        assert ended.returncode == 96
        assert " cannot be written (No space left on device); " in ended.ours[-1]


def deep_directory(base: Path, length: int) -> Path:
    """Make a directory whose path has this length.

    No system call takes the whole path, so go down step by step.
    """
    room = length - len(str(base))
    names = ["d" * 99] * (room // 100)
    names.append("e" * (room - 100 * len(names) - 1))
    path = base.joinpath(*names)
    path.mkdir(parents=True)
    assert len(str(path)) == length
    return path


@pytest.mark.parametrize("shell", KINDS, indirect=True)
def test_a_source_tree_with_a_path_of_4000_characters(shell: UserShell) -> None:
    shell.cwd = deep_directory(shell.cwd, 4000)
    assert_built(run(shell, BUILD))


@pytest.mark.parametrize("shell", KINDS, indirect=True)
@pytest.mark.parametrize("name", ["TMPDIR", "XDG_RUNTIME_DIR"])
def test_a_temporary_directory_with_a_path_of_4000_characters(
    name: str, shell: UserShell, tmp_path: Path
) -> None:
    """The path of a socket cannot be so long."""
    shell.environ[name] = str(deep_directory(tmp_path, 4000))
    assert_built(run(shell, BUILD))
    assert os.listdir(shell.environ[name]) == []


@pytest.mark.skipif(not may_unshare("--pid", "--fork"), reason="this user may not make a process namespace")
@pytest.mark.parametrize("shell", KINDS, indirect=True)
def test_a_proc_of_another_namespace(shell: UserShell, request: pytest.FixtureRequest) -> None:
    """The pids in that /proc belong to other processes. The driver must not end those."""
    ended = run(shell, BUILD, *with_processes())
    if request.node.callspec.params["shell"] == "tcp":
        assert_built(ended)
    else:
        assert_refused(ended, "/proc: it shows the processes of another PID namespace")


# Users


@pytest.mark.parametrize("shell", KINDS, indirect=True)
@pytest.mark.parametrize("names", ["HOME", "USER LOGNAME", "HOME USER LOGNAME SHELL TERM LANG"])
def test_a_user_without_a_home_or_a_name(names: str, shell: UserShell) -> None:
    assert_built(run(shell, BUILD, "env", *(f"--unset={name}" for name in names.split())))


@pytest.mark.parametrize("shell", KINDS, indirect=True)
@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-", ">&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed(closed: str, shell: UserShell, recorder: Recorder) -> None:
    assert run(shell, f"distcc_build {recorder.word} {closed}").returncode == 0
    assert recorder.jobs == 5


def test_messages_are_not_evaluated_where_stdin_and_stderr_are_closed(shell: UserShell) -> None:
    """In this state bash gives the pipe of the plan the number 2, so messages could be evaluated."""
    shell.environ["DISTCC_AUTO_HOSTS"] += " 127.0.0.1:1:1"
    ended = run(shell, "is() { echo pwned > pwned; }; distcc_build echo built <&- 2>&-")
    assert (ended.returncode, ended.stdout) == (0, "built -j 5\n")
    assert os.listdir(shell.cwd) == []


@pytest.mark.parametrize("shell", KINDS, indirect=True)
def test_umask_777(shell: UserShell) -> None:
    assert_built(run(shell, f"umask 777; {BUILD}"))


@pytest.mark.parametrize("shell", KINDS, indirect=True)
def test_path_with_strange_entries(shell: UserShell, tmp_path: Path) -> None:
    """Entries that are relative, empty, missing, a file, and a directory that not everybody may read."""
    (tmp_path / "file").touch()
    (tmp_path / "unreadable").mkdir(0)
    (shell.cwd / "tools").mkdir()
    strange = ["tools", "..", "", "/no/such/directory", f"{tmp_path}/file", f"{tmp_path}/unreadable"]
    assert_built(run(shell, f"PATH={':'.join(strange)}:$PATH; {BUILD}"))
    (tmp_path / "unreadable").rmdir()  # pytest cannot read it, and would not remove it


class Stranger(NamedTuple):
    """A user of this machine without processes: words that run a command as this user, and a directory."""

    words: list[str]
    directory: Path


@pytest.fixture
def stranger(shell: UserShell) -> Iterator[Stranger]:
    """A user other than root.

    The directories of `shell` move to this user's home, with a readable copy of the shims.
    """
    uid = 1_000_000 + os.getpid()
    directory = Path(tempfile.mkdtemp(prefix="stranger-"))
    os.chown(directory, uid, uid)
    shell.root = copy_for_everybody(shell.root)
    shell.environ.update(HOME=str(directory), DISTCC_DIR=str(directory), TMPDIR=str(directory))
    shell.cwd = directory
    words = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--"]
    yield Stranger(words, directory)
    left = [name for name in os.listdir(directory) if name not in ("script", "lock", "state")]
    shutil.rmtree(directory)
    shutil.rmtree(shell.root)
    assert left == []


def copy_for_everybody(root: Path) -> Path:
    """Copy the shims of `root` and what they need. Other users may have no access to the clone itself."""
    copy = Path(tempfile.mkdtemp(prefix="shims-"))
    for name in ("distcc.sh", "distcc.zsh"):
        shutil.copy(root / name, copy)
    shutil.copytree(Path(distcc_driver.__file__).parent, copy / "distcc_driver")
    subprocess.run(["chmod", "-R", "a+rX", str(copy)], check=True)
    return copy


@ROOT_ONLY
def test_a_user_who_may_not_look_into_some_of_path(shell: UserShell, stranger: Stranger) -> None:
    hidden = Path(tempfile.mkdtemp(prefix="hidden-"))  # root's, with mode 0700
    try:
        assert_built(run(shell, f"PATH={hidden}:$PATH; {BUILD}", *stranger.words))
    finally:
        hidden.rmdir()


@ROOT_ONLY
@pytest.mark.parametrize("limit", [4, 5, 6, 8, 12])
def test_a_user_who_may_start_few_processes(limit: int, shell: UserShell, stranger: Stranger) -> None:
    """Too few processes for a shell and its sub-shells.

    The shell says so, and the driver says at most one line.
    """
    ended = run(shell, f"ulimit -u {limit}; {BUILD}", *stranger.words)
    assert ended.returncode in (0, 1, 96, 97, 254), ended
    assert len(ended.ours) <= 1, ended.ours
    if limit == 12:
        assert ended.returncode == 0, ended


@pytest.mark.parametrize("shell", KINDS, indirect=True)
@pytest.mark.parametrize("limit", [64, 32])
def test_few_open_files(limit: int, shell: UserShell) -> None:
    assert_built(run(shell, f"ulimit -n {limit}; {BUILD}"))


@pytest.mark.parametrize("shell", KINDS, indirect=True)
def test_a_shell_that_ignores_the_end_of_its_children(shell: UserShell) -> None:
    """Some supervisors start shells in this state.

    The kernel then keeps no status of a child that has ended.
    """
    assert_built(run(shell, f"trap '' CHLD; {BUILD}", "env", "--ignore-signal=CHLD"))


# Locales


@pytest.mark.parametrize("shell", KINDS, indirect=True)
@pytest.mark.parametrize("name", ["LANG", "LC_ALL", "LC_CTYPE"])
@pytest.mark.parametrize("value", ["xx_YY.UTF-8", "nonsense", "de_DE.ISO-8859-1"])
def test_a_locale_that_is_not_installed(name: str, value: str, shell: UserShell) -> None:
    shell.environ[name] = value
    assert_built(run(shell, BUILD))


def make_locale(name: str, charset: str, directory: Path) -> Path:
    """Make a locale; return the directory, for LOCPATH."""
    command = ["localedef", "-i", name, "-f", charset, str(directory / f"{name}.{charset}")]
    subprocess.run(command, check=True, capture_output=True)
    return directory


@pytest.fixture(scope="session")
def turkish(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for LOCPATH with a Turkish locale, in which the capital of i is not I."""
    return make_locale("tr_TR", "UTF-8", tmp_path_factory.mktemp("turkish"))


@pytest.fixture(scope="session")
def latin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for LOCPATH with a Latin-1 locale, in which each letter is one byte."""
    return make_locale("de_DE", "ISO-8859-1", tmp_path_factory.mktemp("latin"))


@pytest.mark.parametrize("shell", KINDS, indirect=True)
def test_names_that_are_no_utf_8(shell: UserShell, latin: Path, recorder: Recorder) -> None:
    """The names come back byte for byte, and the session directory is removed after the build."""
    with tempfile.TemporaryDirectory(prefix="dl-") as short:  # short enough for a socket
        runtime = os.path.join(short, os.fsdecode(b"caf\xe9"))
        os.mkdir(runtime, 0o700)
        shell.environ.update(LOCPATH=str(latin), LC_ALL="de_DE.ISO-8859-1", XDG_RUNTIME_DIR=runtime)
        ended = run(shell, f"distcc_build {recorder.word}; ls -A {short}/caf*")
        assert (ended.returncode, ended.stdout) == (0, ""), ended
    assert len(ended.ours) == 1
    assert recorder.jobs == 5


@pytest.mark.parametrize("shell", KINDS, indirect=True)
def test_turkish(shell: UserShell, turkish: Path, recorder: Recorder) -> None:
    shell.environ.update(
        LOCPATH=str(turkish), LC_ALL="tr_TR.UTF-8", LANG="tr_TR", DISTCC_AUTO_LOG_LEVEL="info"
    )
    capital = {"bash": "word=i; echo ${word^}", "zsh": "word=i; echo ${(U)word}"}[shell.name]
    ended = run(shell, f"{capital}; distcc_build {recorder.word}")
    assert ended.stdout == "İ\n", "the locale is in force"
    assert len(ended.ours) == 1
    assert recorder.jobs == 5
    assert "DISTCC_AUTO_HOSTS" not in recorder.environ


# Lists


def test_a_host_list_of_64_kib(shell: UserShell, recorder: Recorder) -> None:
    shell.environ["DISTCC_AUTO_COMPILER_MEMORY"] = "0"
    with Farm() as farm:
        text = " ".join(farm.specs(3000))
        text = text[: text.rindex(" ", 0, 2**16)]
        assert len(text) > 2**16 - 100
        shell.environ["DISTCC_AUTO_HOSTS"] = text
        ended = run(shell, f"distcc_build {recorder.word}")
    assert ended.returncode == 0, ended.ours
    assert len(ended.ours) == 1
    assert len(workers_of(recorder.environ["DISTCC_HOSTS"]).split()) == len(text.split())


def test_a_host_list_of_one_word_of_64_kib(shell: UserShell) -> None:
    shell.environ["DISTCC_AUTO_HOSTS"] = "x" * 2**16
    ended = run(shell, BUILD)
    assert (ended.returncode, ended.stdout) == (96, "")
    assert all(line.startswith("distcc-driver: DISTCC_AUTO_HOSTS: ") for line in ended.ours)
    assert len(ended.ours) <= 2
    assert all(len(line) < 2100 for line in ended.ours)


# Time


@MOUNTS
@pytest.mark.parametrize("step", ["i86400", "i-86400"], ids=["forward", "back"])
def test_a_clock_that_jumps_by_a_day_whenever_it_is_read(step: str, shell: UserShell) -> None:
    """The build takes more than 2 s, so that it has a report.

    libfaketime keeps its ticks in files named after a pid, and leaves them behind. A later process with that
    pid would read them. So libfaketime gets a directory of its own.
    """
    shell.environ.update(FAKETIME=f"@2001-01-01 00:00:00 {step}", FAKETIME_DONT_FAKE_MONOTONIC="1")
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    code = "import time; first = time.time(); print(abs(time.time() - first) > 80000)"
    look = shlex.join([os.path.realpath(sys.executable), "-c", code])
    script = f"export LD_PRELOAD={library}\n{look}\ndistcc_build sh -c 'env -u LD_PRELOAD sleep 2.1'"
    ended = run(shell, script, *with_mounts("mount -t tmpfs none /dev/shm"))
    assert (ended.returncode, ended.stdout) == (0, "True\n"), ended
    summary, report = ended.ours
    assert "-j 5 = 5 remote" in summary
    assert "no worker compiled anything in " in report


CLOCKS = {"time.time", "time.time_ns", "time.localtime", "time.gmtime", "time.ctime", "datetime"}


# Modules that read the wall clock: they compare it with the times of files, or print it. No deadline follows
# from it.
MAY_READ_THE_CLOCK = {
    "buildtraces.py": {"time.time"},
    "clientprocesses.py": {"time.time"},
    "observer.py": {"time.time"},
    "report.py": {"time.time"},
    "slotlocks.py": {"time.time_ns"},
    "statedirectory.py": {"time.time"},
    "streams.py": {"time.localtime"},
}


def test_only_monotonic_time_is_read() -> None:
    """All other modules read only the monotonic clock. No module names `CLOCK_REALTIME`."""
    for path in sorted((ROOT / "distcc_driver").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        words = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute | ast.Name)}
        words |= {
            alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
        }
        words |= {
            f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        allowed = MAY_READ_THE_CLOCK.get(path.name, set())
        assert {word for word in words if word in CLOCKS or "REALTIME" in word} <= allowed, path.name
        assert not {word for word in words if word.startswith("datetime.")}, path.name


# Processors, memory, groups


def test_one_processor(shell: UserShell) -> None:
    del shell.environ["DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS"]
    assert_built(run(shell, BUILD, "taskset", "-c", str(min(os.sched_getaffinity(0)))), jobs=6)


def local_jobs(shell: UserShell, *prefix: str) -> tuple[int, str]:
    """Build without a worker; return the number of jobs, and the lines of the driver."""
    shell.environ["DISTCC_AUTO_HOSTS"] = "127.0.0.1:1:1"
    ended = run(shell, BUILD, *prefix)
    return int(ended.stdout.split()[-1]) if ended.stdout else 0, ended.stderr


@MOUNTS
@pytest.mark.parametrize("swap_kib", [0, 2**24])
def test_swap_is_no_memory(swap_kib: int, shell: UserShell, tmp_path: Path) -> None:
    """With 2 GiB of available memory there is room for two compilers, whatever the size of the swap."""
    shell.environ["DISTCC_AUTO_FALLBACK_LOCAL_JOBS"] = "8"
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(
        f"MemTotal: 8388608 kB\nMemFree: 1048576 kB\nMemAvailable: 2097152 kB\n"
        f"SwapTotal: {swap_kib} kB\nSwapFree: {swap_kib} kB\n"
    )
    assert local_jobs(shell, *with_mounts(f"mount --bind {meminfo} /proc/meminfo"))[0] == 2


class Group:
    """A real cgroup with limits, of the version (1 or 2) that has the controller on this machine."""

    def __init__(self, controller: str, limits: dict[int, dict[str, str]]) -> None:
        old, new = Path("/sys/fs/cgroup", controller), self._unified(controller)
        self.version, base = (1, old) if old.is_dir() else (2, new)
        self.directory = base / f"distcc-driver-test-{os.getpid()}"
        self.directory.mkdir()
        for name, value in limits[self.version].items():
            (self.directory / name).write_text(value)

    @staticmethod
    def _unified(controller: str) -> Path:
        for base in (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")):
            with contextlib.suppress(OSError):
                if controller in (base / "cgroup.subtree_control").read_text().split():
                    return base
        return Path("/sys/fs/cgroup/no-such-group")

    @property
    def words(self) -> list[str]:
        """Words in front of a command that run it in the group."""
        return ["sh", "-c", f'echo $$ > {self.directory}/cgroup.procs && exec "$@"', "sh"]

    def __enter__(self) -> Group:
        return self

    def __exit__(self, *_: object) -> None:
        self.directory.rmdir()


def real_group(controller: str, limits: dict[int, dict[str, str]]) -> Group:
    try:
        return Group(controller, limits)
    except OSError as error:
        pytest.skip(f"this machine lets nobody limit {controller} ({error}); tests/unit has files instead")


def test_a_group_with_half_a_processor(shell: UserShell) -> None:
    shell.environ["DISTCC_AUTO_COMPILER_MEMORY"] = "0"
    limits = {1: {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "50000"}, 2: {"cpu.max": "50000 100000"}}
    with real_group("cpu", limits) as group:
        assert local_jobs(shell, *group.words)[0] == 1


def test_a_group_with_little_memory(shell: UserShell) -> None:
    """The group has room for its processes and for three compilers of 50 MiB."""
    shell.environ.update(DISTCC_AUTO_COMPILER_MEMORY="50", DISTCC_AUTO_FALLBACK_LOCAL_JOBS="8")
    limit = str(190 * 2**20)
    with real_group("memory", {1: {"memory.limit_in_bytes": limit}, 2: {"memory.max": limit}}) as group:
        assert local_jobs(shell, *group.words)[0] == 3


@pytest.mark.parametrize("shell", KINDS, indirect=True)
@pytest.mark.parametrize("limit", [4, 6, 8, 10, 12, 40])
def test_a_group_with_few_processes(limit: int, shell: UserShell) -> None:
    """The shell may complain of forks that fail. The driver says one line, or leaves hosts out."""
    with real_group("pids", {version: {"pids.max": str(limit)} for version in (1, 2)}) as group:
        ended = run(shell, f"{BUILD}; exit $?", *group.words)
    left_out = [line for line in ended.ours if "ssh cannot be started (" in line]
    assert len(ended.ours) - len(left_out) <= 1, ended.ours
    assert not [line for line in ended.ours if "internal error" in line]
    assert ended.returncode == 0 if limit == 40 else ended.returncode in (0, 1, 96, 97, 254), ended


# Names


@contextlib.contextmanager
def silent_name_server(shell: UserShell, directory: Path, options: str) -> Iterator[list[str]]:
    """Words that run a command with a name server that never answers. The host list of `shell` has names."""
    address = f"127.53.{os.getpid() // 250 % 250}.{os.getpid() % 250}"  # one for each test process
    (directory / "resolv.conf").write_text(f"nameserver {address}\noptions {options}\n")
    shell.environ["DISTCC_AUTO_CONNECT_TIMEOUT"] = "0.3"
    shell.environ["DISTCC_AUTO_HOSTS"] = (
        f"somewhere.invalid somewhere.invalid:1 {shell.environ['DISTCC_AUTO_HOSTS']}"
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((address, 53))
        silent.settimeout(30)
        yield with_mounts(f'mount --bind "{directory}/resolv.conf" /etc/resolv.conf')
        assert b"somewhere" in silent.recv(1000)


@ROOT_ONLY
def test_a_name_server_that_says_nothing(shell: UserShell, tmp_path: Path) -> None:
    """The build does not wait for the resolver of the C library, which nothing can interrupt."""
    with silent_name_server(shell, tmp_path, "timeout:5") as prefix:
        ended = run(shell, BUILD, *prefix)
    assert_built(ended, lines=2)
    assert (
        "somewhere.invalid, somewhere.invalid:1: name not resolved, timed out after 0.3 s; check DNS"
        in ended.ours[0]
    )


@ROOT_ONLY
def test_watching_with_a_silent_name_server_keeps_nothing_open(shell: UserShell, tmp_path: Path) -> None:
    """Each round leaves threads that wait for the name server. They end before the next round here."""
    with silent_name_server(shell, tmp_path, "timeout:1 attempts:1") as prefix:
        command = [*prefix, *driver_command("workers", "--watch", "--json")]
        with subprocess.Popen(command, env=shell.environ, cwd=shell.cwd, stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                counts = []
                for _ in range(4):
                    assert b"timed out after 0.3 s" in process.stdout.readline()
                    counts.append(len(os.listdir(f"/proc/{process.pid}/fd")))
            finally:
                process.terminate()
    assert counts[-1] <= counts[0]
