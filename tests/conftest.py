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
    """End the tests as Ctrl-C does. No second signal interrupts the clean-up, such as ending daemons."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _stay(*_: object) -> None:
    """Do nothing on a signal. Unlike SIG_IGN, a handler is not inherited: children get the default."""


# In a background job SIGINT and SIGQUIT are ignored, and under nohup SIGHUP. The programs that the tests
# start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, _stay)
signal.signal(signal.SIGTERM, _end)


@pytest.fixture(autouse=True)
def _no_distcc_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clear all variables that the developer has set for distcc and for the driver."""
    for name in os.environ:
        if name.startswith("DISTCC_"):
            monkeypatch.delenv(name)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Remove the tests' directory if all tests have passed. pytest would leave it, empty."""
    factory = getattr(session.config, "_tmp_path_factory", None)
    is_worker = hasattr(session.config, "workerinput")  # a pytest-xdist process: the main one removes all
    if exitstatus or is_worker or factory is None or factory._given_basetemp is not None:
        return
    base = factory.getbasetemp()
    shutil.rmtree(base, ignore_errors=True)  # pytest may have removed it already
    link = base.parent / "pytest-current"
    with contextlib.suppress(OSError):  # another run of tests may use it now
        if link.is_symlink() and link.resolve() == base:
            link.unlink()
        base.parent.rmdir()
