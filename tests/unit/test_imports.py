"""The rules of who may import what: they keep the flow one-way and the wait before a build short."""

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
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py") if not path.stem.startswith("__"))

BASIS = {"errors", "record"}
PURE = ["hostspec", "stats", "balance", "shellcode"]
MAY_IMPORT = {
    "errors": set[str](),
    "record": set[str](),
    "hostspec": BASIS,
    "settings": BASIS | {"hostspec"},
    "log": {"settings"},
    "stats": BASIS,
    "facts": BASIS | {"hostspec", "stats"},
    "resolve": BASIS,
    "schedule": BASIS | {"resolve"},
    "processtable": set[str](),
    "sessionplace": BASIS,
    "session": BASIS | {"processtable", "sessionplace"},
    "backoff": {"balance"},
    "slotfiles": {"backoff", "hostspec", "processtable", "session"},
    "forwardports": {"hostspec"},
    "sshcommand": BASIS | {"hostspec", "session"},
    "sshprocess": BASIS | {"hostspec", "session"},
    "sshconfig": BASIS,
    "lockedkeys": BASIS | {"sshconfig"},
    "configurations": BASIS | {"hostspec", "lockedkeys", "sshcommand", "sshconfig", "sshprocess"},
    "confirmations": {"processtable", "session"},
    "logins": BASIS | {"hostspec"},
    "sshmessages": BASIS | {"hostspec", "facts", "sshcommand"},
    "capacity": BASIS | {"facts"},
    "ccacheprefix": set[str](),
    "tunnel": BASIS
    | {"hostspec", "facts", "session", "sshcommand", "sshmessages", "forwardports", "capacity"}
    | {"sshprocess", "configurations", "confirmations", "logins"},
    "connection": {"resolve", "schedule"},
    "probe": BASIS | {"hostspec", "stats", "connection", "facts", "resolve", "schedule", "capacity"},
    "selection": BASIS | {"hostspec", "facts"},
    "balance": BASIS | {"facts", "settings"},
    "shellcode": BASIS | {"settings", "balance"},
    "wording": BASIS | {"hostspec", "facts", "balance"},
    "buildtraces": BASIS,
    "report": BASIS | {"hostspec", "facts", "stats", "probe", "log", "wording", "buildtraces"},
}
FOR_PEOPLE = {"cli", "demo", "document", "loopback", "processes", "survey", "tables", "workers"}
FOR_PEOPLE |= {
    "buildcommands",
    "buildfiles",
    "buildtree",
    "buildtraps",
    "buildverdicts",
    "checklist",
    "clientlog",
    "clientrules",
    "clientstate",
    "cmaketree",
    "commandline",
    "compiledb",
    "compilers",
    "display",
    "doctor",
    "makefile",
    "makerecipes",
    "makerules",
    "maketree",
    "makevalues",
    "ninjafile",
    "ninjatree",
}
FOR_PEOPLE |= {"announcement", "discover", "mdns", "setup", "startfile"}
FOR_PEOPLE |= {"optionorigins", "optionsteps", "treedocument", "workerrules"}
FOR_PEOPLE |= {"objectfile", "steps", "trial", "trialrun", "trialsteps"}
FOR_PEOPLE |= {"allowedcompilers", "daemonoptions", "joblog", "localaddresses", "logtail", "portholder"}
FOR_PEOPLE |= {"worker", "workerguard", "workerwording"}
FOR_PEOPLE |= {"optionorigins", "optionsteps", "treedocument", "trialoptions", "workerrules"}
FOR_PEOPLE |= {"responsefiles"}
FOR_PEOPLE |= {"objectfile", "steps", "trial", "trialrun", "trialsteps"}
FOR_PEOPLE |= {"submakes", "objectfile", "steps", "trial", "trialrun", "trialsteps"}

HEAVY = {"typer", "rich", "click", "sh", "psutil", "asyncio", "dataclasses", "typing", "re", "logging"}
HEAVY |= {"socket", "threading", "subprocess", "shlex", "json", "pathlib", "tempfile", "ipaddress"}
IMPURE = {"os", "posix", "socket", "_socket", "select", "subprocess", "time", "typer", "threading", "_thread"}
# What the build path may import beyond what `python -m` itself has imported.
LIGHT = {"__future__", "_socket", "errno", "select", "resource"}
LIGHT |= {"collections", "_collections", "itertools", "keyword", "operator", "_operator", "reprlib"}


def imports_of(module: str) -> set[str]:
    """The modules that a module of ours names in any import, also those for type checkers only."""
    found = set()
    for node in ast.walk(ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found |= {f"distcc_driver.{name}" for name in names}
        elif isinstance(node, ast.ImportFrom) and node.module == "distcc_driver":
            found |= {f"distcc_driver.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
    return found


def own_imports_of(module: str) -> set[str]:
    names = {name.partition(".")[2] for name in imports_of(module) if name.startswith("distcc_driver.")}
    return names - {"__version__"}


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run Python as the shell does for a build."""
    return subprocess.run(
        [sys.executable, "-ESs", *arguments],
        env={"PATH": os.environ["PATH"], **environ},
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("module", MAY_IMPORT)
def test_module_imports_only_what_stands_above_it(module: str) -> None:
    assert own_imports_of(module) <= MAY_IMPORT[module]


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
        for module in [*MODULES, "__main__", "__init__"]
        if {name.partition(".")[0] for name in imports_of(module)} & set(names)
    }


def test_only_the_commands_for_people_import_typer() -> None:
    assert users_of("typer", "click") == {"cli"}
    assert {"tables", "display"} <= users_of("rich") <= FOR_PEOPLE
    assert users_of("zeroconf") == {"mdns"}


@pytest.mark.parametrize("module", PURE)
def test_pure_module_names_no_door_to_the_outside(module: str) -> None:
    assert not {name.partition(".")[0] for name in imports_of(module)} & IMPURE


# A module that is None in sys.modules cannot be imported, by anything.
BARRED = """
import sys
for name in ("os", "socket", "_socket", "select", "subprocess", "time", "typer"):
    sys.modules[name] = None
"""


@pytest.mark.parametrize(
    "code",
    [
        "from distcc_driver.hostspec import parse_list; print(len(parse_list('a ssh://b [::1]:9 ::1')[0]))",
        f"from distcc_driver.stats import parse_stats; print(parse_stats({REPLY!r}).slots - 4)",
        "from distcc_driver.balance import balance, Plan; print(Plan([], [], 1, 2, 20).jobs)",
        "from distcc_driver.shellcode import quote; print(len(quote('x')))",
    ],
    ids=PURE,
)
def test_pure_module_works_where_the_outside_cannot_be_imported(code: str) -> None:
    done = run("-c", BARRED + code)
    assert (done.stderr, done.stdout) == ("", "3\n")


def imported(*arguments: str, **environ: str) -> tuple[set[str], str]:
    """The modules that a run of Python imported, and what it printed on stdout."""
    done = run("-X", "importtime", *arguments, **environ)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}, done.stdout


def answer_stats(listener: socket.socket) -> None:
    try:
        connection, _ = listener.accept()
    except TimeoutError:  # nobody asked; the test has said so by now
        return
    with connection:
        connection.sendall(REPLY)


@pytest.fixture
def hosts() -> Iterator[str]:
    """One worker that answers, one that refuses, one whose name there is not."""
    with socket.create_server(("127.0.0.1", 0)) as job, socket.create_server(("127.0.0.1", 0)) as stats:
        stats.settimeout(30)
        server = threading.Thread(target=answer_stats, args=[stats])
        server.start()
        live = f"localhost:{job.getsockname()[1]}:{stats.getsockname()[1]}"
        yield f"{live} 127.0.0.1:1:1 no-such-worker.invalid"
        server.join()


def test_build_over_tcp_workers_imports_a_known_few_modules(hosts: str) -> None:
    start_up, _ = imported("-m", "distcc_driver.record")
    modules, text = imported(
        "-m", "distcc_driver", "plan", DISTCC_AUTO_HOSTS=hosts, DISTCC_AUTO_CONNECT_TIMEOUT="1"
    )
    assert "/7,lzo" in text
    assert "distcc_driver.balance" in modules
    assert not modules & HEAVY
    foreign = {name for name in modules - start_up if not name.startswith("distcc_driver")}
    assert foreign <= LIGHT
    assert not {f"distcc_driver.{name}" for name in FOR_PEOPLE | {"tunnel", "session"}} & modules


def test_report_imports_no_more_than_the_build_path_and_signals(hosts: str) -> None:
    """It is between the end of a build and the prompt."""
    start_up, _ = imported("-m", "distcc_driver.record")
    workers = [
        f"{host} {host.split(':')[0]} {host.split(':')[2]} key 1 0 0 0 0" for host in hosts.split()[:2]
    ]
    modules, _ = imported("-m", "distcc_driver", "report", "-99", "info", "1", *workers, "0")
    assert "distcc_driver.report" in modules
    assert not modules & HEAVY
    foreign = {name for name in modules - start_up if not name.startswith("distcc_driver")}
    assert foreign <= LIGHT | {"signal", "enum", "types", "functools", "_functools"}
    assert not {f"distcc_driver.{name}" for name in FOR_PEOPLE | {"plan", "tunnel", "session"}} & modules
