"""Shell commands as CMake, Meson, Autotools and libtool write them to build files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distcc_driver.doctor.trees.commandline import CompilerCall, compiler_calls, split_words


def calls(text: str, *compilers: str) -> list[CompilerCall]:
    return list(compiler_calls(text, "/build", compilers))


def one(text: str, *compilers: str) -> tuple[str, str, str]:
    """Words, source and directory of the only call."""
    [call] = calls(text, *compilers)
    return " ".join(call.words), call.source, call.directory


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gcc -O2  -c a.c", ("gcc", "-O2", "-c", "a.c")),
        ('gcc -DX=\'a b\' "-DY=\\"c\\"" d\\ e.c', ("gcc", "-DX=a b", '-DY="c"', "d e.c")),
        ("a&&b||c;d|e", ("a", "&&", "b", "||", "c", ";", "d", "|", "e")),
        ("`test -f 'a.c' || echo ./`a.c $(X) $Y", ("`test -f 'a.c' || echo ./`a.c", "$(X)", "$Y")),
        ("$(filter -O%,$(call f,(a b))) ${x y}z", ("$(filter -O%,$(call f,(a b)))", "${x y}z")),
        ("it's", ("it's",)),
        ('"unfinished', ('"unfinished',)),
        ("", ()),
    ],
)
def test_words_of_a_shell_command(text: str, words: tuple[str, ...]) -> None:
    assert split_words(text) == words


@pytest.mark.parametrize(
    ("text", "words", "source", "directory"),
    [
        ("cc -O2 -o a.o -c a.c", "cc -O2 -c", "a.c", "/build"),
        ("cc -O2 -MD -MT a.o -MF a.o.d -o a.o -c /s/a.c", "cc -O2 -MD -c", "/s/a.c", "/build"),
        ("cc -oa.o -MFa.d -c a.c", "cc -c", "a.c", "/build"),
        ("cd sub && cc -c a.c", "cc -c", "a.c", "/build/sub"),
        ('cd "/x/a b" && distcc /usr/bin/cc -c "/s/a b.c"', "distcc /usr/bin/cc -c", "/s/a b.c", "/x/a b"),
        ("A=1 B='2 3' ccache gcc-12 -c a.c", "A=1 B=2 3 ccache gcc-12 -c", "a.c", "/build"),
        ("x86_64-linux-gnu-g++ -S a.cc >log 2>&1", "x86_64-linux-gnu-g++ -S", "a.cc", "/build"),
        ("gcc a.c -o program -lm", "gcc -lm", "a.c", "/build"),
        ("gcc -c a.c b.c", "gcc -c b.c", "a.c", "/build"),
        ("gcc -include x.c -D y.c -c a.c", "gcc -include x.c -D y.c -c", "a.c", "/build"),
        ("gcc -x c-header -c a.h -o a.h.gch", "gcc -x c-header -c", "a.h", "/build"),
        ("gcc -c `test -f 'a.c' || echo './'`a.c", "gcc -c", "a.c", "/build"),
        ("gcc @a.rsp -c a.c", "gcc @a.rsp -c", "a.c", "/build"),
        ("sh -c 'cd sub; gcc -c a.c'", "gcc -c", "a.c", "/build/sub"),
        ("if true; then gcc -c a.c; fi", "gcc -c", "a.c", "/build"),
        ("nice -n 5 gcc -c a.c", "nice -n 5 gcc -c", "a.c", "/build"),
        (
            "/bin/bash ./libtool --tag=CC --mode=compile gcc -g -MT a.lo -MF .deps/a.Tpo -c -o a.lo a.c",
            "gcc -g -c",
            "a.c",
            "/build",
        ),
        (
            '/x/cmake -E __run_co_compile --launcher="ccache;distcc" --tidy="t;-x" --source=a.c -- cc -c a.c',
            "ccache distcc cc -c",
            "a.c",
            "/build",
        ),
        (
            "A=1 cmake -E __run_co_compile --tidy=t --source=a.c -- cc -c a.c",
            "A=1 cc -c",
            "a.c",
            "/build",
        ),
    ],
)
def test_command_with_a_compiler_call(text: str, words: str, source: str, directory: str) -> None:
    assert one(text) == (words, source, directory)


@pytest.mark.parametrize(
    "text",
    [
        "echo gcc -c a.c",
        "gcc -o program a.o",
        "gcc -E a.c",
        "gcc -MM a.c",
        "gcc --version",
        "python3 make.py a.c",
        "rm -f a.c",
        "ar qc a.a a.o",
        "cd a.c",
        "",
    ],
)
def test_commands_that_compile_nothing(text: str) -> None:
    assert calls(text) == []


def test_several_calls_in_one_command() -> None:
    assert [call.words for call in calls("gcc -c a.c && g++ -O2 -c b.cc")] == [
        ("gcc", "-c"),
        ("g++", "-O2", "-c"),
    ]


def test_compiler_with_an_unusual_name() -> None:
    assert calls("mycomp -O2 -c a.c") == []
    assert one("distcc mycomp -O2 -c a.c", "mycomp")[0] == "distcc mycomp -O2 -c"
    assert calls("/x/distcc gcc -c a.c", "/x/distcc")[0].head == 2


_PIECES = ["gcc ", "-c ", "a.c ", "'", '"', "\\", "`", "$(", ")", "&&", ";", ">", "cd ", "sh -c ", "\n"]


@given(st.lists(st.sampled_from(_PIECES)).map("".join))
def test_no_text_raises(text: str) -> None:
    calls(text)
