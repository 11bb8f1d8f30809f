"""`distcc-driver demo` shows a build on two workers. However it ends, it leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).parents[2]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The demo in its own TMPDIR. At the end that is empty, without files of killed compilers."""
    command = [sys.executable, "-u", "-m", "distcc_driver", "demo"]
    with subprocess.Popen(
        command,
        cwd=_ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        yield process
        process.terminate()
    assert os.listdir(tmp_path) == []


def lines_until(text: str, process: subprocess.Popen[str]) -> list[str]:
    """The lines of a process up to the first that contains `text`; all lines if no line does."""
    lines = []
    for line in process.stdout or ():
        lines.append(line)
        if text in line:
            break
    return lines


def assert_nothing_is_left_of(lines: list[str]) -> None:
    said = "".join(lines)
    [directory] = re.findall(r"cd (\S+)/project", said)
    assert not Path(directory).exists()
    job_ports = re.findall(r"127\.0\.0\.1:(\d+):\d+", re.findall('DISTCC_AUTO_HOSTS="(.*)"', said)[0])
    assert len(job_ports) == 2
    running = subprocess.run(["ps", "-A", "-o", "stat=,args="], capture_output=True, text=True, check=True)
    for line in running.stdout.splitlines():
        if not line.startswith("Z"):
            assert directory not in line
            assert not any(f"--port {port} " in line for port in job_ports)


def test_both_workers_compile_all_of_the_project(demo: subprocess.Popen[str]) -> None:
    lines = list(demo.stdout or ())
    assert demo.wait() == 0
    said = "".join(lines)
    compiled = [int(number) for number in re.findall(r"slots: (\d+) compiled", said)]
    assert len(compiled) == 2
    assert min(compiled) > 0
    assert f"demo: {sum(compiled)} files compiled" in said
    assert sum(compiled) == len(re.findall(r" -c -o ", said))
    assert_nothing_is_left_of(lines)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("moment", ["distcc_build make", "part01.c", "part08.c"])
def test_signal_ends_everything(demo: subprocess.Popen[str], moment: str, number: signal.Signals) -> None:
    lines = lines_until(moment, demo)
    demo.send_signal(number)
    lines += lines_until("nothing says this", demo)
    assert demo.wait() == 128 + number
    assert lines[-1] == f"distcc-driver: ended by {number.name}\n"
    assert_nothing_is_left_of(lines)


def test_a_distccd_that_ends_at_once_is_reported_with_its_last_words(tmp_path: Path) -> None:
    (tmp_path / "distccd").write_text("#!/bin/sh\necho out of order >&2\nexit 3\n")
    (tmp_path / "distccd").chmod(0o755)
    environ = dict(os.environ, PATH=f"{tmp_path}:{os.environ['PATH']}")
    command = [sys.executable, "-m", "distcc_driver", "demo"]
    done = subprocess.run(command, cwd=_ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 96
    start = "distcc-driver: distccd: does not start; its last words: out of order"
    assert done.stderr.startswith(start)


def test_missing_program_is_named_with_its_package(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "distcc_driver", "demo"]
    done = subprocess.run(
        command, cwd=_ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 96
    assert done.stderr == "distcc-driver: distcc: not found on PATH; install the package distcc\n"
