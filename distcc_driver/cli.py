"""The entry point of people: the commands that they type, with options, arguments and help texts.

Each command imports the module that does its work only when it is called.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

from . import __version__
from .machine.installation import remedy

try:
    import typer

    from .commands.optionvalues import OptionalSeconds, check_timeout, watch_seconds
    from .commands.runner import UsageError, run_command_line
except ModuleNotFoundError as missing:
    sys.stderr.write(f"distcc-driver: {sys.executable}: {missing}; {remedy()}\n")
    sys.exit(96)

app = typer.Typer(
    help="Spread a C or C++ build over every distccd worker that is alive. "
    "A build itself is run by distcc_build, a shell function and a program; "
    "the commands here show what it will do.",
    epilog="Exit codes: 0 fine, 1 a finding, 2 wrong usage, 96 a variable, the host list or the "
    "installation is wrong, 97 no build is possible, 128 + n ended by signal n.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"distcc-driver {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    pass


@app.command(
    cls=OptionalSeconds,
    epilog="Exit codes: 0 all hosts are used, 1 at least one is left out, 2 wrong usage, "
    "96 a variable or the whole host list is wrong, 128 + n ended by signal n (130: Ctrl-C).",
)
def workers(
    hosts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="HOST",
            help="Hosts as DISTCC_AUTO_HOSTS has them, such as worker-1 or ssh://build-1. "
            "By default those of DISTCC_AUTO_HOSTS.",
            show_default=False,
        ),
    ] = None,
    watch: Annotated[
        float | None,
        typer.Option(
            metavar="[SECONDS]",
            parser=watch_seconds,
            help="Ask again every SECONDS, by default and at least 2, until Ctrl-C.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON document, with --watch one in each line.")
    ] = False,
) -> None:
    """Ask all workers as a build would, and show what each says and what it would get.

    Below the table: this machine's own share, and the -j and DISTCC_HOSTS of a build that started now.
    SSH hosts are asked through tunnels, which are closed at the end.
    """
    from .commands.workers import run_workers

    raise typer.Exit(run_workers(hosts or [], watch, as_json))


@app.command(
    epilog="Exit codes: 0 there is a plan, 96 a variable or the whole host list is wrong, 97 no worker is "
    "available and no local job is allowed or fits the memory. Standard output is empty unless it is 0.",
)
def plan(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON document, with the reasons, instead.")
    ] = False,
) -> None:
    """Print the environment and job count of a build as lines for bash and zsh to evaluate.

    distcc_build calls this command, which reads the DISTCC_AUTO_* variables. Scripts and CI take --json:
    if tunnels to SSH hosts are open, its "end" is the command that closes them. The tunnels are also closed
    when the process that called this command ends.
    """
    from .plan import main as print_plan

    if as_json:
        from .commands.document import plan_text

        print_plan(text_of=plan_text)
    print_plan()


@app.command(
    context_settings={"allow_extra_args": True, "help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 all is well, 1 a warning or a problem, 2 wrong usage, 96 a variable or the whole "
    "host list is wrong, 128 + n ended by signal n.",
)
def doctor(
    context: typer.Context,
    compilers: Annotated[
        list[str] | None,
        typer.Option(
            "--compiler",
            metavar="CC ...",
            help="Look at these compilers, and not at cc, gcc, g++, clang and clang++, as in: "
            "--compiler gcc-12 g++-12 'ccache clang'",
            show_default=False,
        ),
    ] = None,
    directory: Annotated[
        str,
        typer.Option(
            "--build-dir",
            metavar="DIR",
            help="The build directory: CMake, Meson, Autotools, or one with a Makefile; by default the "
            "current one.",
            show_default=False,
        ),
    ] = ".",
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document instead.")] = False,
) -> None:
    """Find out whether a build would be distributed, and if not, why not and what to do.

    Looks at distcc, the compilers, the build directory, the host list and every worker. Then each worker
    compiles one line with each compiler that the build directory names, or else with each one on PATH.
    """
    if not os.path.isdir(directory):
        raise typer.BadParameter(f"{directory!r} is not a directory", param_hint="--build-dir")
    if context.args and not compilers:
        raise UsageError(f"unexpected {context.args[0]!r}; names of compilers stand behind --compiler")
    from .doctor.doctor import run_doctor

    raise typer.Exit(run_doctor([*(compilers or []), *context.args], directory, as_json))


@app.command(
    epilog="Exit codes: 0 there are workers, 1 there are none, 2 wrong usage, 96 the network cannot be "
    "asked or the package zeroconf is missing, 130 Ctrl-C.",
)
def discover(
    timeout: Annotated[
        float,
        typer.Option(metavar="SECONDS", callback=check_timeout, help="How long to wait for answers."),
    ] = 3.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document instead.")] = False,
) -> None:
    """Find workers of the local network that announce themselves, and print them for DISTCC_AUTO_HOSTS.

    A worker announces itself if it runs distccd --zeroconf and an avahi-daemon. Anybody in the network may
    announce anything: look at the workers with distcc-driver workers before you use them.
    """
    from .commands.discover import run_discover

    raise typer.Exit(run_discover(timeout, as_json))


@app.command(
    context_settings={"allow_extra_args": True, "help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 2 wrong usage, 96 distccd is not there, a port is taken, or distccd ended by itself, "
    "128 + n ended by signal n (130: Ctrl-C).",
)
def worker(
    context: typer.Context,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NET ...",
            help="Addresses and networks of its clients, as in: --allow 192.168.0.0/16 2001:db8::/32. "
            "By default this machine only.",
            show_default=False,
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Its slots, 200 at most. By default one for each thread of this machine, as far as there "
            "are DISTCC_AUTO_COMPILER_MEMORY MiB for each.",
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(metavar="P", help="Its job port; its stats port is the next one.")
    ] = 3632,
    as_unit: Annotated[bool, typer.Option("--print-unit", help="Print a systemd unit instead.")] = False,
) -> None:
    """Be a worker until Ctrl-C: run distccd here, with statistics, and show its jobs.

    Prints the DISTCC_AUTO_HOSTS to set where the build runs. If root starts it, distccd runs as user distccd
    or nobody. At the end it leaves no process and no file behind.
    """
    from .commands.distccd.daemonoptions import WorkerRequest
    from .commands.worker import print_unit, run_worker

    if context.args and not allow:
        raise UsageError(f"unexpected {context.args[0]!r}; networks stand behind --allow")
    try:
        wanted = WorkerRequest.of([*(allow or []), *context.args], jobs, port)
    except ValueError as error:
        raise UsageError(str(error)) from None
    raise typer.Exit((print_unit if as_unit else run_worker)(wanted))


@app.command(
    epilog="Exit codes: 0 the builds have ended, 1 with --once: no build runs, 2 wrong usage, "
    "96 there can be no drawing, 128 + n ended by signal n (130: Ctrl-C).",
)
def monitor(
    directory: Annotated[
        str, typer.Argument(metavar="[DIR]", help="Only builds in DIR or below it.", show_default=False)
    ] = "",
    once: Annotated[bool, typer.Option("--once", help="Print one picture and end.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Wait for the next build when one has ended.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON document for each picture, one in each line.")
    ] = False,
    plot: Annotated[
        str,
        typer.Option(metavar="FILE.svg", help="At the end, draw all slots over time.", show_default=False),
    ] = "",
) -> None:
    """Show what running builds do: the slots of each worker, the work here, and what limits the build.

    Finds the builds of this user by itself, also those of plain distcc, waits for one if there is none, and
    ends when they have ended. Reads distcc's own files, and asks each worker for its load every 10 s.
    """
    from .monitor.monitor import run_monitor, show_once

    if plot and (once or not plot.endswith(".svg")):
        raise UsageError("--plot draws a build over time: name a file that ends with .svg, without --once")
    raise typer.Exit(show_once(directory, as_json) if once else run_monitor(directory, as_json, keep, plot))


@app.command()
def demo() -> None:
    """Build a small C project on two workers, which run on this machine until it is built."""
    from .commands.demo import run_demo

    raise typer.Exit(run_demo())


@app.command(
    epilog="Exit codes: 0 the file is as wanted, 2 wrong usage, 96 it cannot be changed.",
)
def setup(
    shell: Annotated[
        str,
        typer.Argument(metavar="bash|zsh", help="By default the login shell, $SHELL.", show_default=False),
    ] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Remove the line.")] = False,
) -> None:
    """Give new shells distcc_build: add a line to ~/.bashrc, or to .zshrc in $ZDOTDIR or ~.

    A file that has the line already is not changed. The line starts no process, and it has no effect if
    distcc-driver is removed.
    """
    from .commands.setup import run_setup, shell_of
    from .machine.installation import SHELLS

    shell = shell or shell_of(os.environ) or ""
    if shell not in SHELLS:
        raise UsageError("name the shell, bash or zsh, as in: distcc-driver setup bash")
    raise typer.Exit(run_setup(shell, remove))


@app.command()
def shim(shell: Annotated[str, typer.Argument(metavar="bash|zsh|fish", show_default=False)]) -> None:
    """Print the path of the file that a shell sources to get distcc_build.

    Start files can use this path: it stays the same when distcc-driver or Python is upgraded.
    """
    from .machine.installation import main as print_path

    print_path(shell)


def main() -> None:
    """Run the command that is named on the command line, and end the process with its exit code."""
    run_command_line(app)
