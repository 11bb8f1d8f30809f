"""Runs a program of ours under measurement. The wrapper calls this module instead of the program.

Arguments: the directory of coverage.py, the path of the wrapper, and the interpreter's own arguments from the
program on.
"""

from __future__ import annotations

import _thread
import os
import runpy
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, NoReturn

    import coverage

_CHECKOUT = Path(sys.argv[2]).parents[2]


def observe(packages: str) -> coverage.Coverage:
    """Begin to record lines and branches."""
    sys.path.append(packages)
    import coverage

    sys.path.remove(packages)
    data = _CHECKOUT.parent / "data" / "part"
    observer = coverage.Coverage(
        data_file=str(data),
        data_suffix=True,
        config_file=str(_CHECKOUT / "pyproject.toml"),
        source=[
            str(_CHECKOUT / "distcc_driver")
        ],  # a path: coverage.py would not find a module that runs as a file by its name
    )
    observer._warn_no_data = False  # the program's streams must get no warning
    observer.start()
    return observer


def save_before_the_end(observer: coverage.Coverage, wrapper: str) -> None:
    """Save the data also when the process ends by `os._exit` or a signal, or becomes another program."""
    leave, become = os._exit, os.execv
    began = os.getpid()

    def save() -> None:
        observer.stop()
        observer.save()

    def exit_at_once(status: int) -> NoReturn:
        if os.getpid() == began:  # not in a fork, which may have been made in the middle of saving
            save()
        leave(status)

    def execute(path: str, words: list[str]) -> NoReturn:
        if path == wrapper:
            save()
        become(path, words)

    def terminated(number: int, _: FrameType | None) -> NoReturn:
        save()
        leave(128 + number)

    os._exit = exit_at_once
    os.execv = execute  # type: ignore[assignment]  # our code calls it only with str
    if "guard" in sys.argv:
        signal.signal(signal.SIGTERM, terminated)


def observe_threads() -> None:
    """Measure threads that are started without the module threading."""
    start = _thread.start_new_thread

    def start_observed(function: Callable[..., object], *arguments: Any) -> int:
        def run(*words: Any, **named: Any) -> None:
            sys.settrace(threading.gettrace())
            function(*words, **named)

        return start(run, *arguments)

    _thread.start_new_thread = start_observed


def main() -> None:
    """Run the program that the interpreter was called with."""
    packages, wrapper, *words = sys.argv[1:]
    observer = observe(packages)
    save_before_the_end(observer, wrapper)
    observe_threads()
    sys.executable = wrapper
    # The virtual environment leads to the original checkout: put the copy in its place.
    sys.path[:] = [
        str(_CHECKOUT) if os.path.exists(f"{path}/distcc_driver/cli.py") else path for path in sys.path
    ]
    sys.path[0:1] = []
    try:
        if words[0] == "-m":
            sys.path.insert(0, os.getcwd())
            sys.argv = words[1:]
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        elif words[0] == "-c":
            sys.path.insert(0, "")
            sys.argv = ["-c", *words[2:]]
            exec(words[1], {"__name__": "__main__"})
        else:
            sys.path.insert(0, os.path.dirname(words[0]))
            sys.argv = words
            runpy.run_path(words[0], run_name="__main__")
    finally:
        observer.stop()
        observer.save()


main()
