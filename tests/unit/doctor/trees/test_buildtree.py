"""Makefiles by hand, and files that CMake, Meson and configure never wrote; real ones are in tests/e2e."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distcc_driver.doctor.trees.buildtree import BuildTree, System, read_tree

if TYPE_CHECKING:
    from pathlib import Path


def tree_of(directory: Path, text: str, name: str = "Makefile", **environ: str) -> BuildTree:
    (directory / name).write_text(text)
    return read_tree(str(directory), environ)


_USES_CC = "%.o: %.c\n\t$(CC) -c $<\n"


def commands(tree: BuildTree) -> list[str]:
    return [f"{found.setting}={' '.join(found.words)}" for found in tree.compilers]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all:\n", "CC=cc"),
        ("CC = gcc\n", "CC=gcc"),
        ("CC=gcc # the usual\n", "CC=gcc"),
        ("export CC := gcc\n", "CC=gcc"),
        ("override  CC::=gcc\n", "CC=gcc"),
        ("CC = a\nCC = b\n", "CC=b"),
        ("CC ?= gcc\n", "CC=cc"),
        ("ifdef X\nCC ?= gcc\nendif\n", "CC=cc"),
        ("CC = $(TOOL)\nTOOL ?= gcc\n", "CC=gcc"),
        ("CC = $(TOOL) ${NAME}\nTOOL = distcc\nNAME = gcc\n", "CC=distcc gcc"),
        ("PREFIX = distcc \nCC = $(PREFIX)gcc\n", "CC=distcc gcc"),
        ("PREFIX = distcc # ends with a blank\nCC = $(PREFIX)gcc\n", "CC=distcc gcc"),
        ("CC = distcc \\\n  gcc\n", "CC=distcc gcc"),
        ("CC = 'unfinished\n", "CC='unfinished"),
        ("-include deps.d\n", "CC=cc"),
        ("ifdef X\nendif\nCC = gcc\n", "CC=gcc"),
        ("ifdef X\nCC = gcc\nendif\n", "CC=cc"),
        ("X = 1\nifdef X\nCC = gcc\nelse\nCC = clang\nendif\n", "CC=gcc"),
        ("CC += -m32\n", "CC=cc -m32"),
        ("CC = $(CROSS)gcc\n", "CC=gcc"),
        ("ACC = x\nCCC = y\nCC_FLAGS = z\n", "CC=cc"),
        ("rule:\n\tCC=gcc ./configure\n", "CC=cc"),
    ],
)
def test_makefiles(tmp_path: Path, text: str, expected: str) -> None:
    assert commands(tree_of(tmp_path, text + _USES_CC)) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%.o: %.cpp\n\t$(CXX) -c $<\n", ["CXX=g++"]),
        ("%.o: %.cpp\n\t@$(COMPILE.cpp) $<\n", ["CXX=g++"]),
        ("%.o: %.c\n\t${COMPILE.c} $<\n", ["CC=cc"]),
        ("COMPILE = $(CC) -c\n%.o: %.c\n\t$(COMPILE) $<\n", ["CC=cc"]),
        ("CC = distcc gcc\n%.o: %.cpp\n\t$(CXX) -c $<\n", ["CXX=g++"]),
        ("program: main.o part.o\n", ["CC=cc"]),
        ("OBJS = $(SRCS:.c=.o)\n", ["CC=cc"]),
        ("program: main.o\nmain.o: main.cc\n", ["CXX=g++"]),
        ("all: a.o b.o\na.o: a.c\nb.o: b.cpp\n", ["CC=cc", "CXX=g++"]),
        ("program: main.o\n\tgcc -o $@ $^\n", ["CC=cc"]),
    ],
)
def test_variables_that_a_makefile_uses(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert commands(tree_of(tmp_path, text)) == expected


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ("gcc -c $<", ["gcc"]),
        ("@-gcc-12 -O2 -c $<", ["gcc-12"]),
        ("/opt/bin/clang++ -c $<", ["/opt/bin/clang++"]),
        ("distcc gcc -c $<", ["distcc gcc"]),
        ("ccache distcc gcc -c $<", ["ccache distcc gcc"]),
        ("cd sub && LANG=C cc -c $<", ["cc"]),
        ("gcc -c $<\n\tg++ -c $<\n\tgcc -c other.c", ["gcc", "g++"]),
        ("gcc -c $<\n\tclang -o $@ $^", ["gcc", "clang"]),
        ("gcc \\\n\t  -c $<", ["gcc"]),
    ],
)
def test_compilers_that_recipes_name(tmp_path: Path, recipe: str, expected: list[str]) -> None:
    tree = tree_of(tmp_path, f"CC = distcc cc\nmain.o: main.c\n\t{recipe}\n")
    assert commands(tree) == [f"recipe={command}" for command in expected]
    assert {found.place for found in tree.compilers} == {"a recipe in Makefile"}


@pytest.mark.parametrize("recipe", ["gcc -O2 main.c -o program", "gcc main.c", "gcc -o $@ $^"])
def test_program_that_one_recipe_makes_of_its_source(tmp_path: Path, recipe: str) -> None:
    assert commands(tree_of(tmp_path, f"program: main.c\n\t{recipe}\n")) == ["recipe=gcc"]


@pytest.mark.parametrize(
    "text",
    [
        "all:\n",
        "CC = gcc\nall:\n\tcmake --build build\n",
        "all:\n\t$(MAKE) -C sub\n",
        "clean:\n\trm -f *.o main.c\n",
        "all:\n\techo 'a; gcc -c b.c'\n",
        "all:\n\tgcc --version\n",
        "deps:\n\tgcc -MM a.c -o deps\n",
        "# gcc: $(CC) main.o\nall:\n",
        "install:\n\tinstall -c program /usr/bin\n",
    ],
)
def test_makefiles_that_call_no_compiler(tmp_path: Path, text: str) -> None:
    tree = tree_of(tmp_path, text)
    assert (tree.compilers, tree.unknown) == ((), "it calls no compiler by itself")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ifeq ($(shell x),y)\nCC = gcc\nendif\n", "CC is set under a condition"),
        ("CC != echo gcc\n", "CC is put together from parts"),
        ("include rules.mk\n", "CC may be set in rules.mk, which it includes"),
        ("CC = $(shell echo gcc)\n", "which only make can work out"),
        ("CC = $(CC)\n", "CC refers to itself"),
        ("MAKEFLAGS += -rR\nCC ?= gcc\n", "it turns off make's own value of CC"),
        ("include rules.mk\nCC ?= gcc\n", "CC may be set in rules.mk"),
        ("CC =\n", "CC is '', which only make can work out"),
    ],
)
def test_makefiles_that_only_make_understands(tmp_path: Path, text: str, reason: str) -> None:
    tree = tree_of(tmp_path, text + _USES_CC)
    assert reason in tree.unknown
    assert tree.compilers == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("include rules.mk\n", "rules.mk, which it includes, may call one"),
        ("SRCS = main.c\n", "it names sources, but no recipe in it calls a compiler"),
        ("%.o: %.c\n\t$(MPICC) -c $<\n", "a recipe calls $(MPICC)"),
        ("ifdef X\n%.o: %.c\n\tgcc -c $<\nendif\n", "a recipe calls gcc under a condition"),
    ],
)
def test_recipes_that_only_make_understands(tmp_path: Path, text: str, reason: str) -> None:
    tree = tree_of(tmp_path, text)
    assert reason in tree.unknown
    assert tree.compilers == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("all:\n", "clang"), ("CC ?= gcc\n", "clang"), ("CC = gcc\n", "gcc"), ("CC = $(CROSS)gcc\n", "arm-gcc")],
)
def test_makefile_and_environment(tmp_path: Path, text: str, expected: str) -> None:
    assert commands(tree_of(tmp_path, text + _USES_CC, CC="clang", CROSS="arm-")) == [f"CC={expected}"]


@pytest.mark.parametrize(
    ("text", "environ", "place"),
    [
        ("CC = gcc\n", {"CC": "clang"}, ""),
        ("CC ?= gcc\n", {"CC": "clang"}, "CC in the environment"),
        ("CC ?= gcc\n", {}, "make's own value: 'CC ?=' in Makefile has no effect on it"),
        ("all:\n", {}, "make's own value of CC"),
    ],
)
def test_where_make_has_its_compiler_from(
    tmp_path: Path, text: str, environ: dict[str, str], place: str
) -> None:
    [found] = tree_of(tmp_path, text + _USES_CC, **environ).compilers
    assert found.place == place


def test_name_that_make_prefers(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("CC = b\n")
    assert tree_of(tmp_path, "CC = a\n", "GNUmakefile").file == "GNUmakefile"


def test_log_of_configure_where_there_is_no_more(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, "CC='distcc gcc'\nCFLAGS='-g'\n", "config.log")
    assert (tree.system, commands(tree)) == (System.AUTOTOOLS, ["CC=distcc gcc"])
    assert tree_of(tmp_path, "", "config.log").unknown == "it has neither CC nor CXX"


def cmake_tree(directory: Path, rules: dict[str, str]) -> BuildTree:
    """What is found where the cache names a compiler only, and make files have `rules`."""
    for name, rule in rules.items():
        (directory / name).mkdir()
        (directory / name / "build.make").write_text(f"{name}/a.o: a.c\n\t{rule}\n")
    cache = "CMAKE_GENERATOR:INTERNAL=Unix Makefiles\nCMAKE_C_COMPILER:FILEPATH=/usr/bin/cc\n"
    (directory / "CMakeCache.txt").write_text(cache)
    return read_tree(str(directory), {})


def test_cmake_launcher_in_the_rules_of_a_later_target(tmp_path: Path) -> None:
    tree = cmake_tree(tmp_path, {"a": "true", "b": "distcc /usr/bin/cc $(C_FLAGS) -c a.c"})
    assert commands(tree) == ["CMAKE_C_COMPILER=distcc /usr/bin/cc"]


def test_cmake_with_more_targets_than_anybody_reads(tmp_path: Path) -> None:
    tree = cmake_tree(tmp_path, {f"{number:03}": "true" for number in range(150)})
    assert commands(tree) == ["CMAKE_C_COMPILER=/usr/bin/cc"]


def test_cmake_without_rules(tmp_path: Path) -> None:
    assert commands(cmake_tree(tmp_path, {})) == ["CMAKE_C_COMPILER=/usr/bin/cc"]
    cache = (tmp_path / "CMakeCache.txt").read_text().replace("Unix Makefiles", "Ninja")
    (tmp_path / "CMakeCache.txt").write_text(cache)
    assert commands(read_tree(str(tmp_path), {})) == ["CMAKE_C_COMPILER=/usr/bin/cc"]


def test_cmake_with_targets_in_subdirectories_only(tmp_path: Path) -> None:
    rule = "cd /b/lib && distcc /usr/bin/cc $(C_DEFINES) $(C_FLAGS) -o a.o -c /s/a.c"
    tree = cmake_tree(tmp_path, {"lib": rule})
    assert commands(tree) == ["CMAKE_C_COMPILER=distcc /usr/bin/cc"]
    assert [(found.directory, found.count) for found in tree.commands] == [("/b/lib", 1)]


def test_cmake_launcher_that_some_targets_have(tmp_path: Path) -> None:
    """Each way of calling the compiler is told: the build does both."""
    rule = "/usr/bin/cc $(C_FLAGS) -o a.o -c a.c"
    tree = cmake_tree(tmp_path, {"a": rule, "b": f"distcc {rule}"})
    assert commands(tree) == ["CMAKE_C_COMPILER=/usr/bin/cc", "CMAKE_C_COMPILER=distcc /usr/bin/cc"]


def test_cmake_recipes_for_preprocessed_and_assembler_text_do_not_count(tmp_path: Path) -> None:
    rules = "\n\t".join(f"distcc /usr/bin/cc $(C_FLAGS) {rest}" for rest in ("-E a.c > a.i", "-S a.c -o a.s"))
    assert cmake_tree(tmp_path, {"a": rules}).commands == ()


def test_cmake_launcher_of_each_build_statement(tmp_path: Path) -> None:
    (tmp_path / "CMakeFiles").mkdir()
    (tmp_path / "CMakeFiles" / "rules.ninja").write_text(
        "rule C_COMPILER__p_unscanned_\n"
        "  command = ${LAUNCHER}${CODE_CHECK}/usr/bin/cc $DEFINES $INCLUDES $FLAGS -MD -MT $out -MF $DEP_FILE"
        " -o $out -c $in\n"
    )
    (tmp_path / "build.ninja").write_text(
        "include CMakeFiles/rules.ninja\n"
        "build p.dir/a.c.o: C_COMPILER__p_unscanned_ /s/a.c || order\n"
        "  DEP_FILE = p.dir/a.c.o.d\n  FLAGS = -O2\n  LAUNCHER = distcc \n"
        "build p.dir/b.c.o: C_COMPILER__p_unscanned_ /s/b.c || order\n"
        "  DEP_FILE = p.dir/b.c.o.d\n  FLAGS = -O2\n  LAUNCHER = distcc \n"
    )
    cache = "CMAKE_GENERATOR:INTERNAL=Ninja\nCMAKE_C_COMPILER:FILEPATH=/usr/bin/cc\n"
    tree = tree_of(tmp_path, cache, "CMakeCache.txt")
    assert commands(tree) == ["CMAKE_C_COMPILER=distcc /usr/bin/cc"]
    [found] = tree.commands
    assert (found.words, found.count) == (("distcc", "/usr/bin/cc", "-O2", "-MD", "-c"), 2)
    assert (found.place, found.example) == ("FLAGS in build.ninja", "/s/a.c")


DATABASE = [
    {"directory": "/b", "file": "a.c", "command": "gcc -DX='x y' -O2 -o a.o -c a.c"},
    {"directory": "/b", "file": "b.c", "arguments": ["gcc", "-DX=x y", "-O2", "-c", "b.c"]},
    {"directory": "sub", "file": "c.cc", "command": "g++ -O2 -c c.cc"},
    {"arguments": [1]},
    {"command": "echo"},
    7,
]


def test_database_where_nothing_else_tells(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, json.dumps(DATABASE), "compile_commands.json")
    assert (tree.system, tree.compilers) == (System.NONE, ())
    assert [(found.words, found.count, found.directory) for found in tree.commands] == [
        (("gcc", "-DX=x y", "-O2", "-c"), 2, "/b"),
        (("g++", "-O2", "-c"), 1, f"{tmp_path}/sub"),
    ]
    assert {found.place for found in tree.commands} == {"compile_commands.json"}
    tree = tree_of(tmp_path, _USES_CC)
    assert [(found.words, found.place) for found in tree.commands] == [(("cc", "-c"), "a recipe in Makefile")]


@pytest.mark.parametrize("text", ["", "[", "{}", "7", "[" * 100_000])
def test_database_that_is_none(tmp_path: Path, text: str) -> None:
    assert tree_of(tmp_path, text, "compile_commands.json").commands == ()


def test_names_of_single_files_make_no_groups(tmp_path: Path) -> None:
    (tmp_path / "build.ninja").write_text(
        "rule cc\n  command = gcc -DNAME='\"$stem\"' -Wp,-MD,.$stem.o.d $opt -c $in -o $out\n"
        + "".join(f"build {x}.o: cc {x}.c\n  stem = {x}\n" for x in "abc")
        + "build d.o: cc d.c\n  stem = d\n  opt = -march=native\nbuild e.o: cc e.cc\n  stem = e\n"
    )
    tree = read_tree(str(tmp_path), {})
    assert [(found.count, found.example) for found in tree.commands] == [(3, "a.c"), (1, "d.c"), (1, "e.cc")]
    assert commands(tree) == ["rule cc=gcc"]


def test_cmake_launcher_with_arguments_and_cut_cache(tmp_path: Path) -> None:
    cache = "CMAKE_C_COMPILER:FILEPATH=/usr/bin/cc\nCMAKE_C_COMPILER_LAUNCHER:STRING=ccache;distcc\n"
    assert commands(tree_of(tmp_path, cache, "CMakeCache.txt")) == [
        "CMAKE_C_COMPILER=ccache distcc /usr/bin/cc"
    ]
    assert "names no C or C++ compiler" in tree_of(tmp_path, "", "CMakeCache.txt").unknown


def test_meson_without_rules(tmp_path: Path) -> None:
    (tmp_path / "meson-info").mkdir()
    assert tree_of(tmp_path, "", "build.ninja").unknown == "it has no rule for C or C++"


@pytest.mark.parametrize(
    ("name", "system"), [("build.ninja", System.NINJA), ("configure", System.NONE), ("README", System.NONE)]
)
def test_directories_of_which_nothing_is_known(tmp_path: Path, name: str, system: System) -> None:
    tree = tree_of(tmp_path, "", name)
    assert (tree.system, tree.compilers) == (system, ())
    assert tree.unconfigured == (name if name == "configure" else None)


def test_directories_below_sources_that_are_configured(tmp_path: Path) -> None:
    for name, file in [("b", "CMakeCache.txt"), ("c", "config.status"), ("src", "main.c")]:
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text("")
    (tmp_path / "a" / "meson-info").mkdir(parents=True)
    assert tree_of(tmp_path, "", "README").configured == ()
    assert tree_of(tmp_path, "", "CMakeLists.txt").configured == ("a", "b", "c")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.binary(max_size=300)
    | st.lists(
        st.sampled_from(
            [
                "CC",
                "=",
                "$(",
                ")",
                "${",
                "}",
                " ",
                "\n",
                "\n\tgcc -c",
                ".o",
                "#",
                "'",
                "ifdef",
                "endif",
                "\\\n",
            ]
        )
    )
    .map("".join)
    .map(str.encode)
)
def test_no_file_raises(tmp_path: Path, text: bytes) -> None:
    for name in ("Makefile", "config.status", "CMakeCache.txt"):
        file = tmp_path / name
        file.write_bytes(text)
        read_tree(str(tmp_path), {})
        file.unlink()
