"""The commands people type; the only module that imports typer."""

from __future__ import annotations

import sys

try:
    import typer
except ModuleNotFoundError as missing:
    sys.stderr.write(
        f"distcc-driver: {sys.executable}: {missing}; run make install in the driver's directory\n"
    )
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


def main() -> None:
    """Run the command on the command line."""
    app(prog_name="distcc-driver")
