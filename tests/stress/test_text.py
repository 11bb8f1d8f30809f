"""Whatever text comes from outside, bash and zsh evaluate only our assignments."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from distcc_driver.core.balance import Share, balance
from distcc_driver.core.errors import StatsError
from distcc_driver.core.facts import Endpoint, LocalCapacity, Worker
from distcc_driver.core.hostspec import SshHost, TcpHost
from distcc_driver.core.settings import read_settings
from distcc_driver.core.shellcode import release_command, report_words, shell_code
from distcc_driver.core.stats import WorkerStats, parse_stats
from tests.e2e.ssh.conftest import behind
from tests.support.evil import Canary, Evil
from tests.support.evilbuild import EvilBuild
from tests.support.shells import SHELLS, Recorder, UserShell
from tests.support.traces import Traces

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from tests.support.distccd import Distccd
    from tests.support.sshd import Sshd, SshUser

    from .conftest import Tally

TEXTS = 2_000
AT_ONCE = 100
BUILDS = 150
TUNNELS = 15
# Evaluates each text in a sub-shell. `told` prints the words that a function of the shim would get.
EVALUATION = """
told() { printf '%s\\0' "$#" "$@"; }
__distcc_release() { told "$@"; }
for text; do
    (
        eval "$text"
        eval "$__distcc_end; told $__distcc_words"
        printf '%s\\0' "$__distcc_jobs" "$DISTCC_HOSTS" "$CCACHE_PREFIX" "${DISTCC_AUTO_HOSTS-unset}"
    )
done
"""


class Evaluated:
    """A plan for the shell with random hosts, replies, sessions and interpreters, and its correct effect."""

    def __init__(self, evil: Evil) -> None:
        environ = {f"DISTCC_AUTO_{evil.text(2)}".replace("=", ""): evil.text() for _ in range(3)}
        environ |= {"DISTCC_AUTO_HOSTS": f"{evil.host_list()} worker", "DISTCC_AUTO_LOG_LEVEL": "info"}
        settings = read_settings(environ)
        workers = [Worker(_endpoint(host), _stats(evil), _endpoint(host).address) for host in settings.hosts]
        plan = balance(settings, workers, LocalCapacity(threads=2, memory_mib=None))
        end, python = [evil.text(), evil.text()], evil.text()
        prefix = evil.text(1) or "distcc"
        self.text = shell_code(
            plan, settings, release_command(*end), report_words(python, plan, settings, 1.5), prefix
        )
        report = (
            [python, "report", "1.5", "info", "2.0", *map(_report_word, plan.shares)] if plan.shares else []
        )
        ours = [f"localhost/{plan.local_jobs}"] if plan.local_jobs else []
        ours += [f"--localslots={plan.local_slots}"]
        ours += [f"--localslots_cpp={plan.saturation_jobs}"] if plan.saturation_jobs else []
        hosts = " ".join([*ours, *map(_entry, plan.shares)])
        self.meaning = [
            str(len(end)),
            *end,
            str(len(report)),
            *report,
            str(plan.jobs),
            hosts,
            prefix,
            "unset",
        ]


def _endpoint(host: TcpHost | SshHost) -> Endpoint:
    address = host.address if isinstance(host, TcpHost) else "127.0.0.1"
    return Endpoint(host, address, host.job_port, host.stats_port)


def _stats(evil: Evil) -> WorkerStats:
    while True:
        try:
            return parse_stats(evil.reply())
        except StatsError:
            continue


def _entry(share: Share) -> str:
    endpoint = share.worker.endpoint
    name = f"[{endpoint.address}]" if ":" in endpoint.address else endpoint.address
    return f"{name}:{endpoint.job_port}/{share.jobs},lzo"


def _report_word(share: Share) -> str:
    endpoint, stats = share.worker.endpoint, share.worker.stats
    numbers = ("-" if number is None else str(number) for number in stats.counters)
    key = f"{endpoint.address}_{endpoint.job_port}"
    return " ".join([endpoint.host.text, endpoint.address, str(endpoint.stats_port), key, *numbers])


@pytest.mark.parametrize("shell", SHELLS)
def test_texts_mean_what_went_into_them_byte_for_byte(
    shell: str,
    chance: random.Random,
    scaled: Callable[[int], int],
    tally: Tally,
    environ: dict[str, str],
    work: Path,
    tmp_path: Path,
) -> None:
    canary = Canary(tmp_path)
    environ["PATH"] = f"{canary.directory}:{environ['PATH']}"
    command = UserShell(shell, environ, work).command(EVALUATION.encode())
    evil = Evil(chance)
    for _ in range(scaled(TEXTS) // AT_ONCE):
        batch = [Evaluated(evil) for _ in range(AT_ONCE)]
        done = subprocess.run(
            [*command, *(one.text for one in batch)], env=environ, cwd=work, capture_output=True, check=False
        )
        assert done.stderr == b""
        *found, rest = done.stdout.split(b"\0")
        assert (done.returncode, rest) == (0, b"")
        assert found == [os.fsencode(word) for one in batch for word in one.meaning]
        assert not canary.has_run
        assert os.listdir(work) == []
        tally.count("texts evaluated", shell, len(batch))


@pytest.mark.parametrize("shell", SHELLS)
def test_builds_with_evil_text_everywhere(
    shell: str,
    chance: random.Random,
    scaled: Callable[[int], int],
    tally: Tally,
    environ: dict[str, str],
    tmp_path: Path,
) -> None:
    """Evil text is in variables and their names, in arguments, replies, and the names of all directories."""
    for number in range(scaled(BUILDS)):
        place = tmp_path / str(number)
        status = EvilBuild(shell, place, dict(environ), chance).run()
        shutil.rmtree(place)
        tally.count("builds with evil text", f"{shell}, status {status}")


def test_tunnels_with_session_directories_of_any_name(
    user_shell: UserShell,
    recorder: Recorder,
    chance: random.Random,
    scaled: Callable[[int], int],
    tally: Tally,
    ssh: SshUser,
    shared_sshd: Sshd,
    shared_distccd: Distccd,
    tmp_path: Path,
) -> None:
    """The command for the end of the build contains the directory's name, and so do arguments of ssh."""
    canary, evil = Canary(tmp_path), Evil(chance)
    ssh.worker("worker", shared_sshd)
    environ = user_shell.environ
    environ["PATH"] = f"{environ['PATH']}:{canary.directory}"
    environ["DISTCC_AUTO_HOSTS"] = behind("worker", shared_distccd)
    for _ in range(scaled(TUNNELS)):
        runtime = Path(tempfile.mkdtemp(prefix="dr-"))  # short, because a socket goes there
        directory = runtime / evil.file_name()
        directory.mkdir()
        environ["XDG_RUNTIME_DIR"] = str(directory)
        result = user_shell.run(f"distcc_build {recorder.word}")
        assert result.returncode == 0, (directory, result.stderr)
        assert len(result.stderr.splitlines()) == 1, (directory, result.stderr)
        assert recorder.environ["DISTCC_HOSTS"].split()[-1].startswith("127.0.0.1:")
        assert not canary.has_run, directory
        Traces(environ).assert_none()
        assert os.listdir(directory) == []
        shutil.rmtree(runtime)
        tally.count("session directories", user_shell.name)
