"""The text that people copy from docs/workers.md: the unit is valid, and the command lines start workers."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import run_driver
from tests.support.place import ROOT
from tests.support.ports import LOOPBACK
from tests.support.processes import arguments_of, descendants, is_alive, wait_until
from tests.support.worker import free_job_port

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PAGE = (ROOT / "docs" / "workers.md").read_text(encoding="utf-8")
_NETWORK = "192.168.0.0/16"
_ATTEMPTS = 20
_DEADLINE_S = 60.0


def block(language: str) -> str:
    """The first code block of the page in this language."""
    [text, *_] = re.findall(rf"^ *```{language}\n(.*?)^ *```$", PAGE, re.DOTALL | re.MULTILINE)
    return textwrap.dedent(text)


def unit(environ: dict[str, str], work: Path, *words: str) -> str:
    done = run_driver(environ, work, "worker", *words, "--print-unit")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def exec_start(text: str) -> list[str]:
    [line] = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    return shlex.split(line)


def test_the_unit_of_the_page_is_the_one_that_is_printed(environ: dict[str, str], work: Path) -> None:
    assert f"distcc-driver worker --allow {_NETWORK} --jobs 8 --print-unit >distcc.service" in PAGE
    distccd = shutil.which("distccd") or ""
    printed = unit(environ, work, "--allow", _NETWORK, "--jobs", "8")
    assert block("ini") == printed.replace(f"={distccd} ", "=/usr/bin/distccd ")


def test_systemd_finds_no_fault_with_the_unit(environ: dict[str, str], work: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze here")
    (work / "distcc.service").write_text(unit(environ, work, "--allow", _NETWORK, "2001:db8::/32"))
    manager = (
        [] if os.geteuid() == 0 else ["--user"]
    )  # only root may use the system's manager, which has its files in /run
    verify = ["systemd-analyze", *manager, "--recursive-errors=no", "verify", "./distcc.service"]
    environ["XDG_RUNTIME_DIR"] = environ["HOME"]
    done = subprocess.run(
        verify, env=environ, cwd=work, capture_output=True, text=True, check=False, timeout=_DEADLINE_S
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_command_line_of_the_unit_is_a_worker(environ: dict[str, str], work: Path) -> None:
    def words(port: int) -> list[str]:
        text = unit(environ, work, "--allow", "127.0.0.0/8", "--jobs", "2", "--port", str(port))
        return exec_start(text)

    assert_is_a_worker(words, environ, work)


def test_the_command_line_of_the_container_is_a_worker(environ: dict[str, str], work: Path) -> None:
    container = block("dockerfile")
    [entry_point] = re.findall(r"^ENTRYPOINT (.*)$", container, re.MULTILINE)
    [command] = re.findall(r"^CMD (.*)$", container, re.MULTILINE)

    def words(port: int) -> list[str]:
        ports = {"3632": str(port), "3633": str(port + 1)}
        line = [*json.loads(entry_point), *json.loads(command)]
        return [*(ports.get(word, word) for word in line), "--listen", LOOPBACK]

    assert_is_a_worker(words, environ, work)


def assert_is_a_worker(words: Callable[[int], Sequence[str]], environ: dict[str, str], work: Path) -> None:
    """Start a command line as the user named in the page, if we may; a real client must compile on it.

    `words` makes the command line for a job port. If another process has taken the port meanwhile, distccd
    ends, and gets another one.
    """
    (work / "hello.c").write_text("int one(void) { return 1; }\n")
    port, distccd = _started(words, environ, work)
    try:
        client = {**environ, "DISTCC_HOSTS": f"{LOOPBACK}:{port}", "DISTCC_FALLBACK": "0"}
        subprocess.run(
            ["distcc", "gcc", "-c", "hello.c"], env=client, cwd=work, check=True, timeout=_DEADLINE_S
        )
        assert "--stats" in arguments_of(distccd.pid)
    finally:
        said = _ended(distccd)
    assert b"COMPILE_OK" in said


def _started(
    words: Callable[[int], Sequence[str]], environ: dict[str, str], work: Path
) -> tuple[int, subprocess.Popen[bytes]]:
    """A distccd that answers on both ports, and its job port."""
    become = ["setpriv", "--reuid=distccd", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
    for _ in range(_ATTEMPTS):
        port = free_job_port()
        asked = {**environ, "DISTCC_AUTO_HOSTS": f"{LOOPBACK}:{port}:{port + 1}"}
        distccd = subprocess.Popen(
            [*become, *words(port)],
            env={"PATH": environ["PATH"]},
            cwd="/",
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + _DEADLINE_S
            while distccd.poll() is None:
                assert time.monotonic() < deadline
                if run_driver(asked, work, "workers").returncode == 0:
                    return port, distccd
        except BaseException:
            _ended(distccd)
            raise
        _, said = distccd.communicate(timeout=_DEADLINE_S)
        assert b"ddress already in use" in said, said
    raise AssertionError("no port stays free")


def _ended(distccd: subprocess.Popen[bytes]) -> bytes:
    """End a distccd and its children; what it has said."""
    children = descendants(distccd.pid)
    distccd.terminate()
    _, said = distccd.communicate(timeout=_DEADLINE_S)
    wait_until(lambda: not any(map(is_alive, children)), "its children have ended")
    return said
