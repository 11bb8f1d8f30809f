"""Rules for imports. They keep the flow one-way, and the wait before a build short."""

from __future__ import annotations

import ast
import graphlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import distcc_driver

from .samples import REPLY

PACKAGE = Path(distcc_driver.__file__).parent
MODULES = {path.stem: path for path in sorted(PACKAGE.rglob("*.py")) if not path.stem.startswith("__")}
# Each folder may import from the folders before it. The modules beside the folders may import from all.
FOLDERS = ["core", "machine", "network", "ssh", "commands/distccd", "commands"]
FOLDERS += ["doctor/trees", "doctor/rules", "doctor/trials", "doctor/findings", "doctor", "monitor"]


def folder_of(path: Path) -> str:
    """The folder of a module in the package, "" for a module beside the folders."""
    return path.relative_to(PACKAGE).parent.as_posix().strip(".")


FOR_PEOPLE = {"cli"}
FOR_PEOPLE |= {
    name for name, path in MODULES.items() if folder_of(path).startswith(("commands", "doctor", "monitor"))
}

HEAVY = {"typer", "rich", "click", "sh", "psutil", "asyncio", "dataclasses", "typing", "re", "logging"}
HEAVY |= {"socket", "threading", "subprocess", "shlex", "json", "pathlib", "tempfile", "ipaddress"}
# Modules of core only compute, so they must not import these.
IMPURE = {"os", "posix", "socket", "_socket", "select", "subprocess", "time", "typer", "threading", "_thread"}
# Modules that the build path may import, beside those that `python -m` imports by itself.
LIGHT = {"__future__", "_socket", "errno", "select", "resource"}
LIGHT |= {"collections", "_collections", "itertools", "keyword", "operator", "_operator", "reprlib"}


def imports_of(path: Path) -> set[str]:
    """All modules that a module of ours names in imports, even in those for type checkers only."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = path.relative_to(PACKAGE.parent).parent.parts
            parts = [*package[: len(package) - node.level + 1]] if node.level else []
            source = ".".join([*parts, *filter(None, [node.module])])
            found |= {f"{source}.{alias.name}" if is_folder(source) else source for alias in node.names}
    return found


def is_folder(name: str) -> bool:
    """Whether a dotted name is a folder of the package. An import from a folder imports modules."""
    return name.startswith("distcc_driver") and (PACKAGE.parent / name.replace(".", "/")).is_dir()


def own_imports_of(module: str) -> set[str]:
    """The names, without folders, of our modules that a module of ours imports."""
    names = {name for name in imports_of(MODULES[module]) if name.startswith("distcc_driver.")}
    return {name.rpartition(".")[2] for name in names} - {"__version__"}


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the options that the shell uses for a build."""
    return subprocess.run(
        [sys.executable, "-ESs", *arguments],
        env={"PATH": os.environ["PATH"], **environ},
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def test_names_of_modules_are_unique() -> None:
    paths = [path for path in PACKAGE.rglob("*.py") if not path.stem.startswith("__")]
    assert len(paths) == len(MODULES)


@pytest.mark.parametrize("folder", FOLDERS)
def test_folder_imports_only_from_those_before_it(folder: str) -> None:
    allowed = FOLDERS[: FOLDERS.index(folder) + 1]
    back = {
        f"{module} imports {name}"
        for module, path in MODULES.items()
        if folder_of(path) == folder
        for name in own_imports_of(module)
        if folder_of(MODULES[name]) not in allowed
    }
    assert back == set()


def test_every_folder_has_its_place_in_the_order() -> None:
    assert {folder_of(path) for path in MODULES.values()} - {""} == set(FOLDERS)


def test_flow_through_the_modules_is_one_way() -> None:
    order = list(
        graphlib.TopologicalSorter({module: own_imports_of(module) for module in MODULES}).static_order()
    )
    assert set(order) == set(MODULES)


def test_build_path_imports_nothing_made_for_people() -> None:
    reached: set[str] = set()
    waiting = {"plan"}
    while waiting:
        reached |= waiting
        waiting = {name for module in waiting for name in own_imports_of(module)} - reached
    assert "balance" in reached
    assert not reached & FOR_PEOPLE


def users_of(*names: str) -> set[str]:
    return {
        module
        for module, path in [*MODULES.items(), ("__main__", PACKAGE / "__main__.py")]
        if {name.partition(".")[0] for name in imports_of(path)} & set(names)
    }


def test_only_the_commands_for_people_import_typer() -> None:
    assert users_of("typer", "click") == {"cli", "optionvalues", "runner"}
    assert {"tables", "screen"} <= users_of("rich") <= FOR_PEOPLE
    assert users_of("zeroconf") == {"mdns"}
    assert users_of("matplotlib") == {"plot"}


def test_core_imports_no_module_for_input_or_output() -> None:
    used = {
        f"{module} imports {name}"
        for module, path in MODULES.items()
        if folder_of(path) == "core"
        for name in imports_of(path)
        if name.partition(".")[0] in IMPURE
    }
    assert used == set()


# If a module is None in sys.modules, no code can import it.
BARRED = """
import sys
for name in ("os", "socket", "_socket", "select", "subprocess", "time", "typer"):
    sys.modules[name] = None
"""


def test_core_works_if_modules_for_input_and_output_are_missing() -> None:
    every = [path.stem for path in MODULES.values() if folder_of(path) == "core"]
    code = f"""
from distcc_driver.core import {", ".join(every)}
print(len(hostspec.parse_list('a ssh://b [::1]:9 ::1')[0]), stats.parse_stats({REPLY!r}).slots)
print(balance.Plan([], [], 1, 2, 20).jobs, shellcode.quote('x'))
"""
    done = run("-c", BARRED + code)
    assert (done.stderr, done.stdout) == ("", "3 7\n3 'x'\n")


def imported(*arguments: str, **environ: str) -> tuple[set[str], str]:
    """Run Python; return the modules that it imported, and its standard output."""
    done = run("-X", "importtime", *arguments, **environ)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}, done.stdout


def modules_in(names: set[str], folder: str) -> set[str]:
    """The names, without the folder, of the modules that belong to a folder."""
    return {name.rpartition(".")[2] for name in names if name.startswith(f"distcc_driver.{folder}.")}


def answer_stats(listener: socket.socket) -> None:
    try:
        connection, _ = listener.accept()
    except TimeoutError:  # no plan asked this worker: the test itself will fail for that
        return
    with connection:
        connection.sendall(REPLY)


@pytest.fixture
def hosts() -> Iterator[str]:
    """One worker that answers, one that refuses, and one whose name does not exist."""
    with socket.create_server(("127.0.0.1", 0)) as job, socket.create_server(("127.0.0.1", 0)) as stats:
        stats.settimeout(30)
        server = threading.Thread(target=answer_stats, args=[stats])
        server.start()
        live = f"localhost:{job.getsockname()[1]}:{stats.getsockname()[1]}"
        yield f"{live} 127.0.0.1:1:1 no-such-worker.invalid"
        server.join()


def test_build_over_tcp_workers_imports_a_known_few_modules(hosts: str) -> None:
    start_up, _ = imported("-m", "distcc_driver.core.record")
    modules, text = imported(
        "-m", "distcc_driver", "plan", DISTCC_AUTO_HOSTS=hosts, DISTCC_AUTO_CONNECT_TIMEOUT="1"
    )
    assert "/7,lzo" in text
    assert "distcc_driver.core.balance" in modules
    assert not modules & HEAVY
    foreign = {name for name in modules - start_up if not name.startswith("distcc_driver")}
    assert foreign <= LIGHT
    own = {name.rpartition(".")[2] for name in modules if name.startswith("distcc_driver.")}
    assert not FOR_PEOPLE & own
    assert not modules_in(modules, "ssh")
    assert modules_in(modules, "machine") == {"backoff", "capacity", "ccacheprefix", "log", "stdout"}


def test_report_imports_no_more_than_the_build_path_and_signals(hosts: str) -> None:
    """The user waits for the report between the end of a build and the prompt."""
    start_up, _ = imported("-m", "distcc_driver.core.record")
    workers = [
        f"{host} {host.split(':')[0]} {host.split(':')[2]} key 1 0 0 0 0" for host in hosts.split()[:2]
    ]
    modules, _ = imported("-m", "distcc_driver", "report", "-99", "info", "1", *workers, "0")
    assert "distcc_driver.report" in modules
    assert not modules & HEAVY
    foreign = {name for name in modules - start_up if not name.startswith("distcc_driver")}
    assert foreign <= LIGHT | {"signal", "enum", "types", "functools", "_functools"}
    own = {name.rpartition(".")[2] for name in modules if name.startswith("distcc_driver.")}
    assert not (FOR_PEOPLE | {"plan"}) & own
    assert not modules_in(modules, "ssh")
    assert modules_in(modules, "machine") == {"backoff", "buildtraces", "capacity", "log"}
