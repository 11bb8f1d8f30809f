"""Machines, users and limits that are out of the ordinary: the build runs, or one line says why not."""

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
    """A shell whose list is one worker with 5 slots, reached by TCP, or through ssh where a test says so."""
    if getattr(request, "param", "tcp") == "ssh":
        user: SshUser = request.getfixturevalue("ssh")
        sshd: Sshd = request.getfixturevalue("shared_sshd")
        ready_shell.environ["DISTCC_AUTO_HOSTS"] = behind(user.worker("worker", sshd), shared_distccd)
    return ready_shell


class Ended(NamedTuple):
    """How a script ended. Of standard error, only the lines of distcc-driver are here."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def ours(self) -> list[str]:
        """The lines of distcc-driver."""
        return self.stderr.splitlines()


def run(shell: UserShell, script: str, *prefix: str) -> Ended:
    """Run a script behind the words `prefix`, without a terminal; nothing of it is left."""
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
    """Processes that were started below a shell, even if it has lost its HOME."""
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
    """A runtime directory that is empty at the end."""
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
    """The directory of tunnels is made elsewhere."""
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
    """What needs no directory is built."""
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
    """What has room there is used; else one line for each cause."""
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
    """A new directory whose path has so many characters, for which no single call takes the whole path."""
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
    """No socket has room there."""
    shell.environ[name] = str(deep_directory(tmp_path, 4000))
    assert_built(run(shell, BUILD))
    assert os.listdir(shell.environ[name]) == []


@pytest.mark.skipif(not may_unshare("--pid", "--fork"), reason="this user may not make a process namespace")
@pytest.mark.parametrize("shell", KINDS, indirect=True)
def test_a_proc_of_another_namespace(shell: UserShell, request: pytest.FixtureRequest) -> None:
    """The numbers there are those of other processes, which a tear-down would end."""
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
    """There, bash gives the write end of the plan's pipe the number 2. The message has `; is ...` in it."""
    shell.environ["DISTCC_AUTO_HOSTS"] += " 127.0.0.1:1:1"
    ended = run(shell, "is() { echo pwned > pwned; }; distcc_build echo built <&- 2>&-")
    assert (ended.returncode, ended.stdout) == (0, "built -j 5\n")
    assert os.listdir(shell.cwd) == []


@pytest.mark.parametrize("shell", KINDS, indirect=True)
def test_umask_777(shell: UserShell) -> None:
    assert_built(run(shell, f"umask 777; {BUILD}"))


@pytest.mark.parametrize("shell", KINDS, indirect=True)
def test_path_with_strange_entries(shell: UserShell, tmp_path: Path) -> None:
    """Relative, empty, missing, a file, and one that not everybody may read."""
    (tmp_path / "file").touch()
    (tmp_path / "unreadable").mkdir(0)
    (shell.cwd / "tools").mkdir()
    strange = ["tools", "..", "", "/no/such/directory", f"{tmp_path}/file", f"{tmp_path}/unreadable"]
    assert_built(run(shell, f"PATH={':'.join(strange)}:$PATH; {BUILD}"))
    (tmp_path / "unreadable").rmdir()  # pytest would not look into it, and leave it


class Stranger(NamedTuple):
    """A user of this machine who has no process: words in front of a command, and a directory."""

    words: list[str]
    directory: Path


@pytest.fixture
def stranger(shell: UserShell) -> Iterator[Stranger]:
    """Another user than root, whose home everything of `shell` is moved to, with a copy of ours to read."""
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
    """The shims of `root` and what they need: the clone itself may be in a home that is closed to others."""
    copy = Path(tempfile.mkdtemp(prefix="shims-"))
    for name in ("distcc.sh", "distcc.zsh"):
        shutil.copy(root / name, copy)
    shutil.copytree(Path(distcc_driver.__file__).parent, copy / "distcc_driver")
    subprocess.run(["chmod", "-R", "a+rX", str(copy)], check=True)
    return copy


@ROOT_ONLY
def test_a_user_who_may_not_look_into_some_of_path(shell: UserShell, stranger: Stranger) -> None:
    hidden = Path(tempfile.mkdtemp(prefix="hidden-"))  # of root, with mode 0700
    try:
        assert_built(run(shell, f"PATH={hidden}:$PATH; {BUILD}", *stranger.words))
    finally:
        hidden.rmdir()


@ROOT_ONLY
@pytest.mark.parametrize("limit", [4, 5, 6, 8, 12])
def test_a_user_who_may_start_few_processes(limit: int, shell: UserShell, stranger: Stranger) -> None:
    """Too few for a shell and its sub-shells: it says so itself, and no more of ours than one line."""
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
    """As those do that some supervisors start: then the kernel tells nobody how one has ended."""
    assert_built(run(shell, f"trap '' CHLD; {BUILD}", "env", "--ignore-signal=CHLD"))


# Locales


@pytest.mark.parametrize("shell", KINDS, indirect=True)
@pytest.mark.parametrize("name", ["LANG", "LC_ALL", "LC_CTYPE"])
@pytest.mark.parametrize("value", ["xx_YY.UTF-8", "nonsense", "de_DE.ISO-8859-1"])
def test_a_locale_that_is_not_installed(name: str, value: str, shell: UserShell) -> None:
    shell.environ[name] = value
    assert_built(run(shell, BUILD))


@pytest.fixture(scope="session")
def turkish(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for LOCPATH, with the locale in which the capital of i is not I."""
    directory = tmp_path_factory.mktemp("locales")
    command = ["localedef", "-i", "tr_TR", "-f", "UTF-8", str(directory / "tr_TR.UTF-8")]
    subprocess.run(command, check=True, capture_output=True)
    return directory


@pytest.fixture(scope="session")
def latin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for LOCPATH, with a locale in which a letter is one byte."""
    directory = tmp_path_factory.mktemp("latin")
    command = ["localedef", "-i", "de_DE", "-f", "ISO-8859-1", str(directory / "de_DE.ISO-8859-1")]
    subprocess.run(command, check=True, capture_output=True)
    return directory


@pytest.mark.parametrize("shell", KINDS, indirect=True)
def test_names_that_are_no_utf_8(shell: UserShell, latin: Path, recorder: Recorder) -> None:
    """They come back as the bytes that they are; a session's directory goes with the build."""
    with tempfile.TemporaryDirectory(prefix="dl-") as short:  # for a socket
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
    assert len(recorder.environ["DISTCC_HOSTS"].split()) == len(text.split())


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
    """A build longer than 2 s, so that it has a report.

    libfaketime keeps its ticks in files named after a process, leaves them behind, and takes those of
    an earlier process for its own: so it gets a place to itself.
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


# They compare with the times of files, which have no other clock. No deadline follows from it.
MAY_READ_THE_CLOCK = {"buildtraces.py": {"time.time"}, "report.py": {"time.time"}}


def test_only_monotonic_time_is_read() -> None:
    """In all of the package; `CLOCK_REALTIME` has no place there, either."""
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
    """The jobs of a build without a worker, and what was said of it."""
    shell.environ["DISTCC_AUTO_HOSTS"] = "127.0.0.1:1:1"
    ended = run(shell, BUILD, *prefix)
    return int(ended.stdout.split()[-1]) if ended.stdout else 0, ended.stderr


@MOUNTS
@pytest.mark.parametrize("swap_kib", [0, 2**24])
def test_swap_is_no_memory(swap_kib: int, shell: UserShell, tmp_path: Path) -> None:
    """With 2 GiB available there is room for two compilers, however much swap there is."""
    shell.environ["DISTCC_AUTO_FALLBACK_LOCAL_JOBS"] = "8"
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(
        f"MemTotal: 8388608 kB\nMemFree: 1048576 kB\nMemAvailable: 2097152 kB\n"
        f"SwapTotal: {swap_kib} kB\nSwapFree: {swap_kib} kB\n"
    )
    assert local_jobs(shell, *with_mounts(f"mount --bind {meminfo} /proc/meminfo"))[0] == 2


class Group:
    """A real cgroup with some limits: of version 1 or 2, whichever of them has the controller here."""

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
        """In front of a command that shall run in the group."""
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
    """Room for three compilers of 50 MiB, and for what runs already."""
    shell.environ.update(DISTCC_AUTO_COMPILER_MEMORY="50", DISTCC_AUTO_FALLBACK_LOCAL_JOBS="8")
    limit = str(190 * 2**20)
    with real_group("memory", {1: {"memory.limit_in_bytes": limit}, 2: {"memory.max": limit}}) as group:
        assert local_jobs(shell, *group.words)[0] == 3


@pytest.mark.parametrize("shell", KINDS, indirect=True)
@pytest.mark.parametrize("limit", [4, 6, 8, 10, 12, 40])
def test_a_group_with_few_processes(limit: int, shell: UserShell) -> None:
    """Whatever the shell says of a fork that fails: ours is one line, or a host left out."""
    with real_group("pids", {version: {"pids.max": str(limit)} for version in (1, 2)}) as group:
        ended = run(shell, f"{BUILD}; exit $?", *group.words)
    left_out = [line for line in ended.ours if "ssh cannot be started (" in line]
    assert len(ended.ours) - len(left_out) <= 1, ended.ours
    assert not [line for line in ended.ours if "internal error" in line]
    assert ended.returncode == 0 if limit == 40 else ended.returncode in (0, 1, 96, 97, 254), ended


# Names


@contextlib.contextmanager
def silent_name_server(shell: UserShell, directory: Path, options: str) -> Iterator[list[str]]:
    """Words in front of a command, for which it is the only one; the list of `shell` has names for it."""
    address = f"127.53.{os.getpid() // 250 % 250}.{os.getpid() % 250}"  # one for each process of tests
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
    """The build begins in its time: nobody can make the resolver of the C library hurry."""
    with silent_name_server(shell, tmp_path, "timeout:5") as prefix:
        ended = run(shell, BUILD, *prefix)
    assert_built(ended, lines=2)
    assert (
        "somewhere.invalid, somewhere.invalid:1: name not resolved, timed out after 0.3 s; check DNS"
        in ended.ours[0]
    )


@ROOT_ONLY
def test_watching_with_a_silent_name_server_keeps_nothing_open(shell: UserShell, tmp_path: Path) -> None:
    """Threads that wait for it are left behind at each round; they end before the next one here."""
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
