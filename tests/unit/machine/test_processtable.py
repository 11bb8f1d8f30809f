"""The processes as ps(1) of this machine lists them; systems without /proc use it."""

from __future__ import annotations

import os
import subprocess
import sys

from distcc_driver.machine import processtable


def test_ps_tells_parent_start_time_and_arguments_of_a_process() -> None:
    command = [sys.executable, "-c", "print(flush=True);input()", "a-word-that-nobody-else-has"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        listing = dict(processtable._command_lines_from_ps())
        table = processtable._process_table_from_ps()
        assert process.pid in processtable._living_from_ps()
        process.communicate(b"\n")
    assert listing[process.pid][-1] == command[-1]
    parent, started = table[process.pid]
    assert parent == os.getpid()
    assert started
    assert process.pid not in processtable._process_table_from_ps()
    assert process.pid not in processtable._living_from_ps()
