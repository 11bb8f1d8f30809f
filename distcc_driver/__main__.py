"""The start of every command: a build imports only the module that it needs, people get the command line."""

import sys

if (
    __name__ == "__main__"
):  # this directory may be site-packages, so it has to come after the standard library
    sys.path[0:1] = []
    sys.path.append(__file__.rpartition("/")[0].rpartition("/")[0] or "/")


def main():  # type: () -> None
    """Run `distcc-driver`; each error of the driver ends as one line and an exit code."""
    try:
        _restore_stderr(sys.argv[1:])
        _run()
    except KeyboardInterrupt:  # before the called module could catch it
        sys.exit(130)


def _restore_stderr(words):  # type: (list[str]) -> None
    """Make descriptor N of `plan PID N` standard error, which the shell has silenced while Python starts.

    If the user has closed 0 and 2, N may be standard output in bash. Messages must not go there: the shell
    evaluates standard output.
    """
    if words[:1] != ["plan"] or len(words) != 3:
        return
    import os  # only after sys.path has been corrected

    try:
        number = int(words[2])
        if not os.path.sameopenfile(number, 1):
            os.dup2(number, 2)
        os.close(number)
    except (OSError, OverflowError, ValueError):
        pass  # a person called it with other words


def _run():  # type: () -> None
    if sys.version_info < (3, 10):  # noqa: UP036  # an older Python cannot parse the other modules
        message = "distcc-driver: {}: Python {}.{} is too old; use 3.10 or later, see DISTCC_DRIVER_PYTHON\n"
        sys.stderr.write(message.format(sys.executable, sys.version_info[0], sys.version_info[1]))
        sys.exit(96)
    try:
        _enter(sys.argv[1:])
    except ImportError as missing:
        message = "distcc-driver: {}: {}; install distcc-driver again, in a clone with make install\n"
        sys.stderr.write(message.format(sys.executable, missing))
        sys.exit(96)


def _enter(words):  # type: (list[str]) -> None
    if words[:1] == ["plan"] and all(word.isdecimal() for word in words[1:]):
        from distcc_driver import plan

        plan.main(*map(int, words[1:2]))
    elif words[:1] == ["release"] and len(words) == 2:
        from distcc_driver.ssh import closing

        closing.main(*words[1:])
    elif words[:1] == ["report"] and len(words) > 4:
        from distcc_driver import report

        report.main(*words[1:])
    elif words[:1] == ["guard"] and len(words) > 2 and all(word.isdecimal() for word in words[2:]):
        from distcc_driver.ssh import guard

        guard.main(words[1], [int(word) for word in words[2:]])
    elif words[:1] == ["worker-guard"] and len(words) == 2:
        from distcc_driver.commands.distccd import workerguard

        workerguard.main(words[1])
    elif words[:1] == ["shim"] and len(words) == 2 and words[1].isalpha():
        from distcc_driver.machine import installation  # every shell that starts calls this

        installation.main(words[1])
    else:
        from distcc_driver import cli

        cli.main()


if __name__ == "__main__":
    main()
