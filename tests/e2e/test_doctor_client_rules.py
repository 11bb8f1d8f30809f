"""`clientrules` and distcc's own client decide alike about each command line."""

from __future__ import annotations

import random
import shlex
from typing import TYPE_CHECKING

import pytest

from distcc_driver.doctor.rules.clientrules import keep_reason, keep_reasons
from tests.support.client import Client

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.distccd import Distccd

SENT = [
    "gcc -c a.c",
    "gcc -c a.c -o a.o",
    "gcc -ca.c -c a.c -oa.o",
    "gcc -S a.c -o a.out.s",
    "gcc -O2 -g -Wall -std=gnu99 -c a.c -o a.o",
    "gcc -c a.i -o a.o",
    "g++ -c a.cc -o a.o",
    "clang -c a.c -o a.o",
    "gcc -MD -MF a.d -c a.c -o a.o",
    "gcc -MMD -MP -MG -MT a.o -MQ a.o -c a.c -o a.o",
    "gcc -MD -MFa.d -MTa.o -c a.c -o a.o",
    "gcc -MD -MF b.c -c a.c -o a.o",
    "gcc -Wp,-MD,a.d -c a.c -o a.o",
    "gcc -Wp,-MMD,a.d,-MT,a.o -c a.c -o a.o",
    "gcc -Wp,-D_FORTIFY_SOURCE=2 -O2 -c a.c -o a.o",
    "gcc -march=x86-64 -c a.c -o a.o",
    "gcc -mcpu=native -c a.c -o a.o",
    "gcc -flto=auto -c a.c -o a.o",
    "gcc -flto=2 -ffat-lto-objects -c a.c -o a.o",
    "clang -flto=thin -c a.c -o a.o",
    "gcc -Wa,--noexecstack -c a.c -o a.o",
    "gcc -fno-profile-generate -c a.c -o a.o",
    "gcc -fprofile-update=atomic -c a.c -o a.o",
    "gcc -gsplit-dwarf -c a.c -o a.o",
    "gcc -save-temps -c a.c -o a.o",
    "gcc -x c -c a.c -o a.o",
    "gcc -x c-header -c a.c -o a.gch",
    "g++ -x c++ -c a.cc -o a.o",
    "gcc -fsyntax-only -c a.c",
    "gcc -pipe -pthread -Wl,-z,now -L. -lm -c a.c -o a.o",
    "gcc -DNAME='\"a b\"' -I. -isystem . -include b.h -c a.c -o a.o",
    "gcc -specs /dev/null -c a.c -o a.o",
    "gcc -c ./a.c -o ./a.o",
    "gcc --param max-inline-insns-auto=30 -c a.c -o a.o",
    "gcc -fprofile-partial-training -c a.c -o a.o",
]
KEPT = {
    "gcc -E a.c": "-E",
    "gcc -E -c a.c -o a.i": "-E",
    "gcc -M a.c": "-M",
    "gcc -MM -c a.c": "-MM",
    "clang -MJ a.json -c a.c -o a.o": "-MJ",
    "gcc -Wp,-M -c a.c": "-M",
    "gcc -march=native -c a.c -o a.o": "-march=native",
    "gcc -O2 -mtune=native -c a.c -o a.o": "-mtune=native",
    "gcc -flto -c a.c -o a.o": "-flto",
    "gcc -flto=auto -flto -c a.c -o a.o": "-flto",
    "gcc -Wa,-adhln=a.lst -c a.c -o a.o": "-Wa,-adhln=a.lst",
    "gcc -Wa,--MD,a.d -c a.c -o a.o": "-Wa,--MD,a.d",
    "gcc -Wa,--noexecstack,-a -c a.c -o a.o": "-Wa,--noexecstack,-a",
    "gcc -specs=/dev/null -c a.c -o a.o": "-specs=/dev/null",
    "gcc -fprofile-arcs -c a.c -o a.o": "-fprofile-arcs",
    "gcc -ftest-coverage -c a.c -o a.o": "-ftest-coverage",
    "gcc --coverage -c a.c -o a.o": "--coverage",
    "gcc -fprofile-generate -c a.c -o a.o": "-fprofile-generate",
    "gcc -fprofile-generate=p -c a.c -o a.o": "-fprofile-generate=p",
    "gcc -fprofile-use -c a.c -o a.o": "-fprofile-use",
    "gcc -fprofile-use=p.gcda -c a.c -o a.o": "-fprofile-use=p.gcda",
    "gcc -fauto-profile=p -c a.c -o a.o": "-fauto-profile=p",
    "gcc -fprofile-correction -c a.c -o a.o": "-fprofile-correction",
    "g++ -frepo -c a.cc -o a.o": "-frepo",
    "gcc -x assembler -c a.c -o a.o": "-x assembler",
    "gcc -x f77 -c a.c -o a.o": "-x f77",
    "gcc -xc -c a.c -o a.o": "-xc",
    "gcc -dr -c a.c -o a.o": "-dr",
    "gcc a.c": "",
    "gcc a.c -o program": "",
    "gcc -o program a.o b.o": "program a.o",
    "gcc -c a.c b.c": "a.c b.c",
    "gcc -include b.c -c a.c -o a.o": "b.c a.c",
    "gcc -c a.s -o a.o": "",
    "gcc -c conftest.c -o conftest.o": "conftest.c",
    "gcc -c a.c b.o -o a.o": "b.o a.o",
    "gcc -c a.c -o -": "-o -",
    "gcc -c -x c -": "",
    "gcc -x c -c -o a.o -": "",
    "gcc --version": "",
    "gcc -v": "",
    "gcc -fsyntax-only a.c": "",
    "gcc -openmp -c a.c -o a.o": "penmp a.o",
    "clang -march=native -c a.c -o a.o": "-march=native",
    "clang -flto -c a.c -o a.o": "-flto",
}
_VOCABULARY = ["-O2", "-c", "-c", "-c", "-S", "a.c", "a.c", "b.c", "a.s", "a.o", "-o", "-o", "-x", "c", "-xc"]
_VOCABULARY += ["-MF", "-MD", "-Wp,-MD", "-Wp,-MD,a.c", "-Wp,a.c,-c", "-march=native", "-Wa,-a", "-E", "-M"]
_COMBINATIONS = 60


@pytest.fixture
def client(work: Path, environ: dict[str, str], shared_distccd: Distccd) -> Client:
    return Client(work, environ, shared_distccd)


@pytest.mark.parametrize("line", SENT)
def test_command_that_the_client_sends(line: str, client: Client) -> None:
    words = shlex.split(line)
    run = client.run(words)
    assert run.is_sent, run.log
    assert keep_reason(words) is None


@pytest.mark.parametrize(("line", "word"), KEPT.items())
def test_command_that_the_client_keeps_here(line: str, word: str, client: Client) -> None:
    words = shlex.split(line)
    run = client.run(words)
    assert not run.is_sent, run.log
    found = keep_reason(words)
    assert found is not None
    assert found.word == word


def test_random_words_in_any_order(client: Client) -> None:
    chance = random.Random(5)
    for _ in range(_COMBINATIONS):
        words = ["gcc", *chance.choices(_VOCABULARY, k=chance.randint(2, 6)), "-O1"]
        run = client.run(words)
        assert run.is_sent == (keep_reason(words) is None), f"{words}\n{run.log}"


def test_all_words_that_keep_a_command_here_are_found() -> None:
    words = shlex.split("gcc -march=native -flto -flto -O2 --coverage -c a.c -o a.o")
    assert [found.word for found in keep_reasons(words)] == ["-march=native", "-flto", "--coverage"]
