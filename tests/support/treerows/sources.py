"""Projects of three source files, and settings that rows of several build tools share."""

from __future__ import annotations

NATIVE = "-march=native"
CFLAGS = {"CFLAGS": NATIVE}
DISTCC_GCC = {"CC": "distcc gcc"}

C = {
    "main.c": "int one(void);\nint two(void);\nint main(void) { return one() + two(); }\n",
    "one.c": "int one(void);\nint one(void) { return 0; }\n",
    "two.c": "int two(void);\nint two(void) { return 0; }\n",
}
CXX = {
    "main.cc": "int one();\nint two();\nint main() { return one() + two(); }\n",
    "one.cc": "int one();\nint one() { return 0; }\n",
    "two.cc": "int two();\nint two() { return 0; }\n",
}
C_AND_CXX = {
    "main.c": C["main.c"],
    "one.c": C["one.c"],
    "two.cc": 'extern "C" int two();\nextern "C" int two() { return 0; }\n',
}
# Two of the three files are in a subdirectory.
LIBRARY = {"main.c": C["main.c"], "lib/one.c": C["one.c"], "lib/two.c": C["two.c"]}
