"""Build directories of Autotools, with a library in a subdirectory."""

from __future__ import annotations

from typing import Any

from ..buildtrees import Row
from ..shells import MASQUERADE
from .sources import CFLAGS, LIBRARY, NATIVE

AUTOTOOLS_SOURCES = {
    **LIBRARY,
    "configure.ac": "AC_INIT([p], [1])\nAM_INIT_AUTOMAKE([foreign])\nAC_PROG_CC\nAC_PROG_RANLIB\nAM_PROG_AR\n"
    "AC_SUBST([LIBRARY_CFLAGS])\nAC_CONFIG_FILES([Makefile lib/Makefile])\nAC_OUTPUT\n",
    "Makefile.am": "SUBDIRS = lib .\nbin_PROGRAMS = p\np_SOURCES = main.c\np_LDADD = lib/libparts.a\n",
    "lib/Makefile.am": "noinst_LIBRARIES = libparts.a\nlibparts_a_SOURCES = one.c two.c\n"
    "libparts_a_CFLAGS = $(LIBRARY_CFLAGS)\n",
}


def _autotools(name: str, arguments: str, leave: int, **more: Any) -> Row:
    configure = f'mkdir build; cd build; "$GENERATED/configure" {arguments}'
    return Row(f"autotools, {name}", {}, configure, "make -C build", leave, 3, **more)


AUTOTOOLS = [
    _autotools("CC=gcc", "CC=gcc", 0),
    _autotools("CC=gcc in masquerade", "CC=gcc", 3, first_on_path=MASQUERADE),
    _autotools("CC=distcc gcc", "CC='distcc gcc'", 3),
    _autotools("CFLAGS when configured", f"CC='distcc gcc' CFLAGS='-O2 {NATIVE}'", 0),
    _autotools("CFLAGS of the library", f"CC='distcc gcc' LIBRARY_CFLAGS={NATIVE}", 1),
    _autotools("CFLAGS when built", "CC='distcc gcc'", 3, environ=CFLAGS),
    _autotools("CFLAGS when built, with -e", "CC='distcc gcc'", 0, environ={**CFLAGS, "MAKEFLAGS": "e"}),
]
