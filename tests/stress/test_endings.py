"""Builds in a terminal that are ended in every way, in every stage, at random moments."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.support.shells import SHELLS

from .builds import LENGTHS_S, OVER, Yard, stages_of, words_of_a_build
from .typist import Hosts, Moment, Typist, endings_in_a_terminal, expect_none

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from .conftest import Tally
    from .typist import Ending


@pytest.mark.parametrize("yard", SHELLS, indirect=True)
@pytest.mark.parametrize("hosts", ["tcp", "ssh", "asking"], indirect=True)
def test_builds_in_a_terminal(
    yard: Yard, hosts: Hosts, chance: random.Random, tally: Tally, scaled: Callable[[int], int]
) -> None:
    """After each ending in each stage nothing is left, the shell is as before, and the next build works."""
    kind = hosts.kind
    cases = [
        (name, stage) for stage in stages_of(kind) for name in endings_in_a_terminal(kind, stage)
    ] * scaled(1)
    chance.shuffle(cases)
    seen = Counter[str]()
    with contextlib.closing(Typist(yard, hosts, chance, tally)) as typist:
        for name, stage in cases:
            moment = Moment(stage, chance.uniform(0, LENGTHS_S[stage]))
            seen[end_one(typist, name, endings_in_a_terminal(kind, stage)[name], moment)] += 1
        typist.session.leave()
        expect_none(yard, tally)
    assert set(stages_of(kind)) <= set(seen), f"some stage was never met: {seen}"
    assert seen[OVER] < len(cases) / 2, f"too few were interrupted: {seen}"


@pytest.mark.parametrize("yard", SHELLS, indirect=True)
@pytest.mark.parametrize("hosts", ["tcp", "ssh"], indirect=True)
def test_builds_that_end_by_themselves(
    yard: Yard, hosts: Hosts, chance: random.Random, tally: Tally, scaled: Callable[[int], int]
) -> None:
    """Such builds have the status of the command; all else is checked as for other endings."""
    cases = [
        ("normal end", f"{yard.build} 0", 0),
        ("normal end", f"{yard.build} 0 make", 0),
        ("failing build", f"{yard.build} 7", 7),
        ("command not found", "no-such-command", 127),
    ] * scaled(2)
    chance.shuffle(cases)
    with contextlib.closing(Typist(yard, hosts, chance, tally)) as typist:
        for name, command, status in cases:
            typist.session.send(f"distcc_build {command}\r")
            assert typist.session.status() == status, f"{command}: {typist.session.shown[-1000:]!r}"
            typist.expect_nothing_left()
            typist.build_again()
            tally.count_build(name, OVER)
        typist.session.leave()
        expect_none(yard, tally)


def end_one(typist: Typist, name: str, end: Ending, moment: Moment) -> str:
    # A build of 2 s and more has a report at its end. Over TCP nothing else could be interrupted at that
    # time.
    is_long = moment.stage == "closing" and typist.hosts.kind == "tcp"
    command = "0 long" if is_long else words_of_a_build(typist.chance)
    story = f"{name} {moment.delay_s:.3f} s after the begin of {moment.stage}, build {command}"
    try:
        typist.start(command, " &" if name.startswith("background") else "")
        stage = end(typist, moment)
        typist.expect_nothing_left()
        typist.build_again()
    except AssertionError as error:
        raise AssertionError(f"{story}: {error}") from error
    typist.tally.count_build(name, stage)
    return stage or OVER
