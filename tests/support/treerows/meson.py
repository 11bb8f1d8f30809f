"""Build directories of Meson."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..buildtrees import Row
from ..shells import MASQUERADE
from .sources import NATIVE, C

if TYPE_CHECKING:
    from collections.abc import Mapping


def _meson(
    name: str,
    options: str,
    leave: int,
    of: int = 3,
    *,
    before: str = "CC='distcc gcc'",
    arguments: str = "",
    files: Mapping[str, str] | None = None,
    **more: Any,
) -> Row:
    """`arguments` belong to the executable in meson.build. `before` is put in front of the setup command."""
    text = f"project('p', 'c')\nexecutable('p', 'main.c', 'one.c', 'two.c'{arguments})\n"
    return Row(
        f"meson, {name}",
        {**C, "meson.build": text, **(files or {})},
        f"{before} meson setup build {options}",
        "ninja -C build",
        leave,
        of,
        **more,
    )


_NATIVE_FILE = {"own.ini": "[binaries]\nc = ['distcc', 'gcc']\n"}
_LIBRARY = f", link_with: static_library('x', 'x.c', 'y.c', c_args: '{NATIVE}')"
_LIBRARY_FILES = {"x.c": "int x;\n", "y.c": "int y;\n"}
_HEADER = {"pch/p.h": "#include <stddef.h>\n"}

MESON = [
    _meson("CC=gcc", "", 0, before="CC=gcc"),
    _meson("CC=gcc in masquerade", "", 3, before="CC=gcc", first_on_path=MASQUERADE),
    _meson("CC=distcc gcc", "", 3),
    _meson("ccache by itself", "", 3, before=""),
    _meson("compiler of a native file", "--native-file own.ini", 3, before="", files=_NATIVE_FILE),
    _meson("c_args", f"-Dc_args={NATIVE}", 0),
    _meson("c_args of one target", "", 3, 5, arguments=_LIBRARY, files=_LIBRARY_FILES),
    _meson("CFLAGS when configured", "", 0, before=f"CC='distcc gcc' CFLAGS={NATIVE}"),
    _meson("b_coverage", "-Db_coverage=true", 0),
    _meson("b_lto", "-Db_lto=true", 3),  # Meson adds -flto=auto, which distcc sends
    _meson("b_pgo", "-Db_pgo=generate", 0),
    _meson("precompiled header", "", 0, 4, arguments=", c_pch: 'pch/p.h'", files=_HEADER),
]
