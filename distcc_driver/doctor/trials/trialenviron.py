"""The variables that a trial takes over from the user's environment. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_REWRITE = "DISTCC_NO_REWRITE_CROSS"

# Variables of distcc 3.4 and GCC that a trial sets itself, or must not have. A trial gets all others, because
# the build will get them too.
_OWN = frozenset(
    {
        "DISTCC_HOSTS",
        "DISTCC_DIR",
        "DISTCC_LOG",
        "DISTCC_VERBOSE",
        "DISTCC_FALLBACK",
        "DISTCC_SKIP_LOCAL_RETRY",
        "DISTCC_IO_TIMEOUT",
        "DISTCC_BACKOFF_PERIOD",  # a client with 0 repeats its attempts for ever
        "DISTCC_PAUSE_TIME_MSEC",
        "DISTCC_SAVE_TEMPS",
        "DISTCC_ENABLE_DISCREPANCY_EMAIL",
        "DISTCC_EMAILLOG_WHOM_TO_BLAME",
        "DISTCC_TESTING_INCLUDE_SERVER",
        "INCLUDE_SERVER_PORT",
        "INCLUDE_SERVER_STUB",
        "DEPENDENCIES_OUTPUT",  # GCC would write to a file of the user (cpp(1))
        "SUNPRO_DEPENDENCIES",
    }
)
# distcc_build removes its own settings from the build, and a trial does not call ccache.
_OTHERS = ("DISTCC_AUTO_", "DISTCC_DRIVER_", "CCACHE_")


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of the user's environment that a trial gets."""
    return {
        name: value for name, value in environ.items() if name not in _OWN and not name.startswith(_OTHERS)
    }
