"""Runs a command line: each error ends as one line on standard error and an exit code."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import typer

from ..core.errors import ConfigError, DriverError, OutputError, internal_error
from ..machine.log import Log

# Not every version of typer has a public name for this class.
UsageError: Any = typer.BadParameter.__base__


def run_command_line(app: typer.Typer) -> None:
    """Run the command that is named on the command line, and end the process with its exit code."""
    for name in ("COLUMNS", "LINES"):
        if os.environ.get(name) == "0":
            del os.environ[name]  # a shell without a window sets 0, which is not a size to print for
    # If SIGCHLD is ignored, the kernel drops the exit statuses of children.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        if sys.stdout is None:
            raise OutputError("it is closed")
        code = app(prog_name="distcc-driver", standalone_mode=False)
        sys.stdout.flush()
    except DriverError as error:
        Log("error").error(str(error))
        code = error.exit_code
    except UsageError as error:
        _report_usage(error)
        code = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except OSError as error:
        Log("error").error(
            f"{error.filename or 'standard output'}: {error.strerror}; make room or access for it"
        )
        code = _end_badly()
    except Exception as error:
        Log("error").error(internal_error(error).line)
        code = _end_badly()
    sys.exit(code)


def _end_badly() -> int:
    from .output import abandon_output

    abandon_output()
    return ConfigError.exit_code


def _report_usage(error: Any) -> None:
    """One line about a mistake on the command line. Without any command, typer has printed the help."""
    if type(error).__name__ == "NoArgsIsHelpError":
        return
    command = error.ctx.command_path if error.ctx else "distcc-driver"
    subject = command.partition(" ")[2] or "command line"
    text = error.format_message().rstrip(".")
    Log("error").error(f"{subject}: {text[:1].lower()}{text[1:]}; see {command} --help")
