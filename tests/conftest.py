"""Fixtures for all tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from typing import NoReturn


def _end(*_: object) -> NoReturn:
    """End the tests as Ctrl-C does; what is left to do, such as to end daemons, is not interrupted again."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _stay(*_: object) -> None:
    """Do nothing, as who ignores it; but for those who are started a handler becomes the default."""


# A shell starts a job in the background with SIGINT and SIGQUIT ignored, and nohup one with SIGHUP, and so
# would all be that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, _stay)
signal.signal(signal.SIGTERM, _end)


@pytest.fixture(autouse=True)
def _no_distcc_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that the developer has set for distcc or for us reaches a test."""
    for name in os.environ:
        if name.startswith("DISTCC_"):
            monkeypatch.delenv(name)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Remove the directory of tests that have all passed: pytest itself would keep it empty."""
    factory = getattr(session.config, "_tmp_path_factory", None)
    is_worker = hasattr(session.config, "workerinput")  # its directory is in that of the main process
    if exitstatus or is_worker or factory is None or factory._given_basetemp is not None:
        return
    base = factory.getbasetemp()
    shutil.rmtree(base, ignore_errors=True)  # pytest may have done so
    link = base.parent / "pytest-current"
    with contextlib.suppress(OSError):  # other tests may have begun meanwhile
        if link.is_symlink() and link.resolve() == base:
            link.unlink()
        base.parent.rmdir()
