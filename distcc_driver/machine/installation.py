"""Where the shims of this installation are, and how to repair the installation."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_ROOT = os.path.dirname(PACKAGE)
_SHIMS = {
    "bash": "distcc.sh",
    "zsh": "distcc.zsh",
    "fish": os.path.join("distcc_driver", "share", "distcc.fish"),
}
SHELLS = ("bash", "zsh")  # those in which distcc_build is a function


def find_shim(shell: str) -> str:
    """The path of the file that `shell`, bash, zsh or fish, sources.

    In a clone, it is above the package. If the package is below PREFIX/lib/python3.N, the file is in
    PREFIX/share: that path stays the same when Python is upgraded. Otherwise the file is in the package.
    """
    if _is_clone():
        return os.path.join(_ROOT, _SHIMS[shell])
    name = os.path.basename(_SHIMS[shell])
    version = os.path.dirname(_ROOT)
    library, prefix = os.path.dirname(version), os.path.dirname(os.path.dirname(version))
    lasting = os.path.join(prefix, "share", "distcc-driver", name)
    is_below = os.path.basename(version).startswith("python3.") and os.path.basename(library) == "lib"
    if is_below and os.path.exists(lasting):
        return lasting
    return os.path.join(PACKAGE, "share", name) if shell == "fish" else os.path.join(PACKAGE, name)


def remedy() -> str:
    """What to do if a part of the installation is missing."""
    return f"run make -C {_ROOT!r} install" if _is_clone() else "install distcc-driver again"


def package_remedy(name: str) -> str:
    """What a person does if a package is missing that is needed for one thing only."""
    if os.path.exists(os.path.join(sys.prefix, "pipx_metadata.json")):
        return f"run pipx inject distcc-driver {name}"
    return f"run {sys.executable} -m pip install {name}"


def main(shell: str) -> NoReturn:
    """Print the path of a shim; ends the process with 0, 2 for another shell, 96 if it cannot be written."""
    from .log import Log

    if shell not in _SHIMS:
        Log("error").error(f"shim: {shell}: there is none for this shell; write bash, zsh or fish")
        sys.exit(2)
    try:
        os.write(1, os.fsencode(find_shim(shell)) + b"\n")  # a path may be any bytes
    except OSError as error:
        from ..core.errors import OutputError  # every shell that starts runs this module

        Log("error").error(str(OutputError(error.strerror or str(error))))
        sys.exit(96)
    sys.exit()


def _is_clone() -> bool:
    return os.path.exists(os.path.join(_ROOT, _SHIMS["bash"]))
