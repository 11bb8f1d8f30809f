"""TERM and HUP to the process group of a script whose build has tunnels: how long until all has ended?"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.shells import SHELLS

from .builds import LENGTHS_S, OVER, Yard, await_stage, pause, script, stages_of
from .typist import Moment, expect_none

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from .conftest import Tally

ENDINGS = 100


@pytest.mark.parametrize("yard", SHELLS, indirect=True)
@pytest.mark.parametrize("hosts", ["ssh"], indirect=True)
def test_the_end_does_not_wait_for_itself(
    yard: Yard, chance: random.Random, tally: Tally, scaled: Callable[[int], int]
) -> None:
    """The guard, the end of the build and perhaps the plan close the same session at the same time."""
    for _ in range(scaled(ENDINGS)):
        number = chance.choice((signal.SIGTERM, signal.SIGHUP))
        stage = chance.choice(stages_of("ssh"))
        took_s = seconds_to_end(yard, number, Moment(stage, chance.uniform(0, LENGTHS_S[stage])), tally)
        tally.took(f"{number.name} to the group of a script", took_s)


def seconds_to_end(yard: Yard, number: signal.Signals, moment: Moment, tally: Tally) -> float:
    """Seconds from the signal until every process of the build has ended; 0 if it ended before that."""
    yard.forget()
    with subprocess.Popen(
        script(yard, "signalled", f": >| {yard.begun}\ndistcc_build {yard.build} 0"),
        env=yard.shell.environ,
        cwd=yard.shell.cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        await_stage(lambda: OVER if process.poll() is not None else yard.stage(process.pid), moment.stage)
        pause(moment.delay_s)
        is_over = process.poll() is not None
        begin_s = time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        process.wait(60)
        expect_none(yard, tally)
    return 0.0 if is_over else time.monotonic() - begin_s
