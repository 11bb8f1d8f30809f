"""Options that have another effect on a worker, and options that only look like those."""

from __future__ import annotations

import shlex

import pytest

from distcc_driver.doctor.rules.workerrules import Effect, hazards


@pytest.mark.parametrize(
    ("line", "word", "effect"),
    [
        ("gcc -gsplit-dwarf", "-gsplit-dwarf", Effect.LOSES),
        ("gcc -save-temps=obj", "-save-temps=obj", Effect.LOSES),
        ("gcc -fstack-usage", "-fstack-usage", Effect.LOSES),
        ("gcc -fdump-tree-all", "-fdump-tree-all", Effect.LOSES),
        ("clang -ftime-trace", "-ftime-trace", Effect.LOSES),
        ("gcc -fplugin=p.so", "-fplugin=p.so", Effect.FAILS),
        ("gcc -fpch-preprocess -include p.h", "-fpch-preprocess", Effect.FAILS),
        ("clang -fprofile-instr-use=p", "-fprofile-instr-use=p", Effect.FAILS),
        ("clang -Xclang -include-pch -Xclang p.pch", "-include-pch", Effect.FAILS),
        ("clang -Xclang -load -Xclang p.so", "-Xclang -load", Effect.FAILS),
        ("gcc -mcpu=native", "-mcpu=native", Effect.DIFFERS),
        ("g++ -x c++-header", "-x c++-header", Effect.SPOILS),
        ("gcc -Wextra -Werror", "-Wextra -Werror", Effect.MAY_FAIL),
        ("gcc -W -Werror=extra", "-Werror=extra", Effect.MAY_FAIL),
        ("gcc -Wimplicit-fallthrough=3 -Werror", "-Wimplicit-fallthrough=3 -Werror", Effect.MAY_FAIL),
        ("gcc -Werror=implicit-fallthrough", "-Werror=implicit-fallthrough", Effect.MAY_FAIL),
        ("gcc -Wno-error -Wextra -Werror", "-Wextra -Werror", Effect.MAY_FAIL),
    ],
)
def test_option_with_another_effect_on_a_worker(line: str, word: str, effect: Effect) -> None:
    assert [(found.word, found.effect) for found in hazards(shlex.split(line))] == [(word, effect)]


@pytest.mark.parametrize(
    "line",
    [
        "gcc -O2 -g -Wall -Werror",
        "gcc -Wextra",
        "gcc -Wextra -Werror -C",
        "gcc -Wextra -Werror -fdirectives-only",
        "gcc -Wextra -Werror -Wno-error=implicit-fallthrough",
        "gcc -Wextra -Wno-implicit-fallthrough -Werror",
        "gcc -Wextra -Wimplicit-fallthrough=0 -Werror",
        "gcc -Wextra -Werror -Wno-error",
        "clang -Wextra -Werror",
        "clang++-14 -x c++-header",
        "gcc -gsplit-dwarf=single",
        "gcc -fdump-tree-all=stdout",
        "gcc -fopt-info-all",
        "gcc -x c",
        "gcc -mcpu=cortex-a72",
        "gcc",
    ],
)
def test_options_with_the_same_effect_everywhere(line: str) -> None:
    assert hazards(shlex.split(line)) == []
