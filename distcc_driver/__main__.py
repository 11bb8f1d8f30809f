"""Two doors: a build goes straight to the plan, people go to the commands."""

import sys


def main():  # type: () -> None
    """Run `distcc-driver`; every error of ours ends as one line and its exit code."""
    if sys.version_info < (3, 10):  # noqa: UP036  # before anything that an older Python cannot parse
        message = "distcc-driver: {}: Python {}.{} is too old; use 3.10 or later, see DISTCC_DRIVER_PYTHON\n"
        sys.stderr.write(message.format(sys.executable, sys.version_info[0], sys.version_info[1]))
        sys.exit(96)
    if sys.argv[1:] == ["plan"]:
        from distcc_driver import plan

        plan.main()
    else:
        from distcc_driver import cli

        cli.main()


if __name__ == "__main__":
    main()
