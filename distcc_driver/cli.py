"""The commands people type; the only module that imports typer."""

from __future__ import annotations

import sys
from typing import Annotated

from .errors import DriverError
from .log import Log
from .shim import remedy

try:
    import typer
except ModuleNotFoundError as missing:
    sys.stderr.write(f"distcc-driver: {sys.executable}: {missing}; {remedy()}\n")
    sys.exit(96)

app = typer.Typer(
    help="Spread a C or C++ build over every distccd worker that is alive.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _root() -> None:
    pass


@app.command()
def plan() -> None:
    """Print the environment and job count of a build as lines for bash and zsh to evaluate.

    This is what distcc_build calls; it reads the DISTCC_AUTO_* variables.
    """
    from .plan import main as print_plan

    print_plan()


@app.command()
def demo() -> None:
    """Build a small C project on two workers that run on this machine for as long as it takes."""
    from .demo import run_demo

    raise typer.Exit(run_demo())


@app.command()
def shim(shell: Annotated[str, typer.Argument(metavar="bash|zsh", show_default=False)]) -> None:
    """Print the path of the file that a shell sources to get distcc_build.

    For a start file: source "$(distcc-driver shim bash)"
    """
    from .shim import main as print_path

    print_path(shell)


def main() -> None:
    """Run the command on the command line; an error of ours ends as one line and its exit code."""
    try:
        app(prog_name="distcc-driver")
    except DriverError as error:
        Log("error").error(str(error))
        sys.exit(error.exit_code)
