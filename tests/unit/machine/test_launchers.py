"""Which words before a compiler are launchers, and what they do to the environment."""

from __future__ import annotations

import os
import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distcc_driver.machine.launchers import Changes, look_through

# A test below runs `printf` with each of these, if the launcher is installed.
COMMANDS = [
    "nice",
    "nice -n 5",
    "nice -n5",
    "nice -5",
    "nice --adjustment 5",
    "nice --adjustment=5",
    "nice --",
    "/usr/bin/nice -n 5",
    "ionice -c 3",
    "ionice -c3 -t",
    "ionice -c 2 -n 7",
    "ionice --class idle",
    "ionice --class 2 --classdata=7",
    "time",
    "time -p",
    "env time -f %e -o /dev/null",
    "env time -qo/dev/null",
    "env time --format=%e --output /dev/null",
    "taskset 1",
    "taskset -c 0",
    "taskset --cpu-list 0",
    "chrt -b 0",
    "chrt --idle 0",
    "stdbuf -oL",
    "stdbuf -o L -e 0",
    "stdbuf --output=L",
    "stdbuf --output L",
    "setarch -R",
    "setarch x86_64 -R",
    "setarch x86_64",
    "linux64 -R",
    "timeout 60",
    "timeout -k 5 -s INT 60",
    "timeout --kill-after 5 --foreground 60",
    "nohup",
    "setsid -w",
    "prlimit --core=0",
    "choom -n 500 --",
    "flock /dev/null",
    "flock -w 5 /dev/null",
    "command",
    "exec",
    "env",
    "env A=b",
    "env -u A",
    "env -uA",
    "env --unset=A --unset B",
    "env -C /",
    "env --chdir=/",
    "env -i PATH=/usr/bin:/bin",
    "env - PATH=/usr/bin:/bin",
    "env -iu A PATH=/usr/bin:/bin",
    "env -S 'A=b nice -n 3'",
    "env -S'A=b nice -n 3'",
    "env '--split-string=A=b nice -n 3'",
    "env -iS PATH=/usr/bin:/bin",
    "env -v --",
    "cmake -E env A=b",
    "cmake -E env --unset=A A=b --",
    "cmake -E time",
    "cmake -E chdir /",
    "A=b",
    "A=b C='d e' nice -n 5 ionice -c 3",
]
LEFT = ("printf", "-c", "x")


@pytest.mark.parametrize("front", COMMANDS)
def test_command_behind_launchers_is_found(front: str) -> None:
    assert look_through([*shlex.split(front), *LEFT]).words == LEFT


@pytest.mark.parametrize("front", COMMANDS)
def test_real_launchers_accept_these_words(front: str) -> None:
    words = shlex.split(front)
    programs = [os.path.basename(name) for name in look_through([*words, *LEFT]).launchers]
    for name in programs:
        if subprocess.run(["bash", "-c", f"type {name}"], capture_output=True, check=False).returncode:
            pytest.skip(f"{name} is not installed")
    done = subprocess.run(["bash", "-c", f"{front} printf x"], capture_output=True, check=False)
    if b"Operation not permitted" in done.stderr:
        pytest.skip(f"this machine does not let {programs[0]} do so")
    assert (done.returncode, done.stdout.partition(b"Elapsed")[0].strip()) == (0, b"x")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("cmake -E __run_co_compile --launcher=distcc --tidy=x --source=a.c -- gcc", "distcc gcc"),
        ("cmake -E __run_co_compile --launcher='ccache;distcc' --tidy=x -- gcc", "ccache distcc gcc"),
        ("cmake -E __run_co_compile --cpplint=x --source=a.c -- gcc", "gcc"),
        ("'$(CMAKE_COMMAND)' -E env A=b gcc", "gcc"),
        ("/bin/bash ../libtool --tag=CC --mode=compile gcc", "gcc"),
        ("depmode=gcc3 /bin/sh ./depcomp gcc", "gcc"),
        ("/src/compile gcc", "gcc"),
        ("numactl --cpunodebind=0 -m 0 gcc", "gcc"),
        ("strace -fo /dev/null -e trace=file gcc", "gcc"),
        ("sudo -u builder gcc", "gcc"),
        ("gcc", "gcc"),
        ("ccache gcc", "ccache gcc"),
        ("cmake --build .", "cmake --build ."),
        ("cmake -E copy a b", "cmake -E copy a b"),
        ("bash -c gcc", "bash -c gcc"),
        ("nice", ""),
        ("nice -n", ""),
        ("env -u", ""),
        ("taskset", ""),
        ("A=b", ""),
    ],
)
def test_command_that_is_left(text: str, left: str) -> None:
    assert shlex.join(look_through(shlex.split(text)).words) == left


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        ("A=b nice", {"A": "b", "KEPT": "1"}),
        ("env A=b A=c", {"A": "c", "KEPT": "1"}),
        ("A=b env -u A", {"KEPT": "1"}),
        ("env -u KEPT", {}),
        ("env -i A=b", {"A": "b"}),
        ("A=b env - C=d", {"C": "d"}),
        ("env -S 'A=b C=d'", {"A": "b", "C": "d", "KEPT": "1"}),
        ("cmake -E env --unset=KEPT A=b", {"A": "b"}),
        ("sudo", {}),
        ("sudo -E A=b", {"A": "b", "KEPT": "1"}),
    ],
)
def test_environment_of_the_command_behind(front: str, expected: dict[str, str]) -> None:
    called = look_through([*shlex.split(front), "gcc"])
    assert called.words == ("gcc",)
    assert called.changes.applied({"KEPT": "1"}) == expected


def test_changes_of_one_variable() -> None:
    changes = look_through(["env", "-u", "A", "B=c", "gcc"]).changes
    assert (changes.value("A"), changes.value("B")) == (None, "c")
    assert (changes.concern("A"), changes.concern("B"), changes.concern("C")) == (True, True, False)
    assert Changes(is_emptied=True).concern("C")


_WORDS = st.sampled_from(
    ["env", "nice", "-n", "5", "--", "-", "-S", "-i", "A=b", "taskset", "cmake", "-E", "env", "gcc", "", "-u"]
)


@given(st.lists(_WORDS | st.text(max_size=5), max_size=60))
def test_any_words_are_looked_through_in_bounded_time(words: list[str]) -> None:
    called = look_through(words)
    assert len(called.launchers) <= len(words) + 50
