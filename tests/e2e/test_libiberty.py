"""A real project: GNU libiberty, from Debian's package of the binutils sources."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pytestshellutils.customtypes import EnvironDict
from pytestshellutils.shell import Subprocess

from tests.support.shells import MASQUERADE, UserShell

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.distccd import Distccd

PARTS = ("libiberty", "include", "config", "config.*", "config-ml.in", "install-sh", "move-if-change")


@pytest.fixture(scope="session")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build directory in which configure has run, with the links to distcc as compilers."""
    archives = sorted(Path("/usr/src/binutils").glob("binutils-*.tar.*"))
    assert archives, "the package binutils-source is not installed"
    source = tmp_path_factory.mktemp("source")
    build = tmp_path_factory.mktemp("build") / "libiberty"
    build.mkdir()
    environ = {"PATH": f"{MASQUERADE}:{os.defpath}", "HOME": str(source), "DISTCC_HOSTS": "localhost"}
    shell = Subprocess(cwd=build, environ=EnvironDict(environ), timeout=300)
    wanted = [f"*/{part}" for part in PARTS]
    unpacking = shell.run(
        "tar", "-xf", str(archives[-1]), "-C", str(source), "--strip-components=1", "--wildcards", *wanted
    )
    assert unpacking.returncode == 0, unpacking.stderr
    configuring = shell.run(str(source / "libiberty" / "configure"))
    assert configuring.returncode == 0, configuring.stderr
    return build


def test_libiberty_is_compiled_by_the_workers_alone(
    user_shell: UserShell, start_distccd: Callable[..., Distccd], configured: Path
) -> None:
    workers = [start_distccd(jobs=2), start_distccd(jobs=3)]
    shutil.copytree(configured, user_shell.cwd / "libiberty")
    log = user_shell.cwd / "distcc.log"
    user_shell.environ.update(
        PATH=f"{MASQUERADE}:{user_shell.environ['PATH']}",
        DISTCC_AUTO_HOSTS=" ".join(worker.spec for worker in workers),
        DISTCC_FALLBACK="0",
        DISTCC_VERBOSE="1",
        DISTCC_LOG=str(log),
    )
    result = user_shell.run("distcc_build make -C libiberty libiberty.a")
    assert result.returncode == 0, result.stderr
    objects = list((user_shell.cwd / "libiberty").glob("*.o"))
    assert len(objects) > 50
    assert (user_shell.cwd / "libiberty" / "libiberty.a").exists()
    compiled = [worker.compiled for worker in workers]
    assert sum(compiled) == len(objects)
    assert min(compiled) > 0
    places = re.findall(r" exec on (\S+): ", log.read_text(errors="replace"))
    assert len(places) == len(objects)
    assert set(places) == {worker.distcc_host for worker in workers}, "distcc itself says the same"
