"""The environment of a trial: what the build will see, except where the trial has its own. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_REWRITE = "DISTCC_NO_REWRITE_CROSS"

# What distcc 3.4 and GCC read, and a trial sets or does without: others go to the trial as to the build.
_OWN = frozenset(
    {
        "DISTCC_HOSTS",
        "DISTCC_DIR",
        "DISTCC_LOG",
        "DISTCC_VERBOSE",
        "DISTCC_FALLBACK",
        "DISTCC_SKIP_LOCAL_RETRY",
        "DISTCC_IO_TIMEOUT",
        "DISTCC_BACKOFF_PERIOD",  # with 0 a client tries for ever
        "DISTCC_PAUSE_TIME_MSEC",
        "DISTCC_SAVE_TEMPS",
        "DISTCC_ENABLE_DISCREPANCY_EMAIL",
        "DISTCC_EMAILLOG_WHOM_TO_BLAME",
        "DISTCC_TESTING_INCLUDE_SERVER",
        "INCLUDE_SERVER_PORT",
        "INCLUDE_SERVER_STUB",
        "DEPENDENCIES_OUTPUT",  # would have GCC write to a file of the user's (cpp(1))
        "SUNPRO_DEPENDENCIES",
    }
)
# Settings of distcc_build, which no build sees, and those of ccache, which no trial calls.
_OTHERS = ("DISTCC_AUTO_", "DISTCC_DRIVER_", "CCACHE_")


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """What a trial has from the user's environment."""
    return {
        name: value for name, value in environ.items() if name not in _OWN and not name.startswith(_OTHERS)
    }
