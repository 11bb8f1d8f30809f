"""Directories of CMake that CMake itself would hardly write; real ones are in tests/e2e."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distcc_driver.doctor.trees.buildtree import BuildTree, read_tree

from .written import compilers_of, tree_of

if TYPE_CHECKING:
    from pathlib import Path


def cmake_tree(directory: Path, rules: dict[str, str]) -> BuildTree:
    """Read a directory whose cache names one compiler, with a rule in build.make for each target."""
    for name, rule in rules.items():
        (directory / name).mkdir()
        (directory / name / "build.make").write_text(f"{name}/a.o: a.c\n\t{rule}\n")
    cache = "CMAKE_GENERATOR:INTERNAL=Unix Makefiles\nCMAKE_C_COMPILER:FILEPATH=/usr/bin/cc\n"
    (directory / "CMakeCache.txt").write_text(cache)
    return read_tree(str(directory), {})


def test_launcher_in_the_rules_of_the_second_target(tmp_path: Path) -> None:
    tree = cmake_tree(tmp_path, {"a": "true", "b": "distcc /usr/bin/cc $(C_FLAGS) -c a.c"})
    assert compilers_of(tree) == ["CMAKE_C_COMPILER=distcc /usr/bin/cc"]


def test_many_targets_without_a_compiler_call(tmp_path: Path) -> None:
    tree = cmake_tree(tmp_path, {f"{number:03}": "true" for number in range(150)})
    assert compilers_of(tree) == ["CMAKE_C_COMPILER=/usr/bin/cc"]


def test_cache_without_any_rules(tmp_path: Path) -> None:
    assert compilers_of(cmake_tree(tmp_path, {})) == ["CMAKE_C_COMPILER=/usr/bin/cc"]
    cache = (tmp_path / "CMakeCache.txt").read_text().replace("Unix Makefiles", "Ninja")
    (tmp_path / "CMakeCache.txt").write_text(cache)
    assert compilers_of(read_tree(str(tmp_path), {})) == ["CMAKE_C_COMPILER=/usr/bin/cc"]


def test_targets_in_subdirectories_only(tmp_path: Path) -> None:
    rule = "cd /b/lib && distcc /usr/bin/cc $(C_DEFINES) $(C_FLAGS) -o a.o -c /s/a.c"
    tree = cmake_tree(tmp_path, {"lib": rule})
    assert compilers_of(tree) == ["CMAKE_C_COMPILER=distcc /usr/bin/cc"]
    assert [(found.directory, found.count) for found in tree.commands] == [("/b/lib", 1)]


def test_launcher_of_some_targets(tmp_path: Path) -> None:
    """The build calls the compiler in both ways, so both are told."""
    rule = "/usr/bin/cc $(C_FLAGS) -o a.o -c a.c"
    tree = cmake_tree(tmp_path, {"a": rule, "b": f"distcc {rule}"})
    assert compilers_of(tree) == ["CMAKE_C_COMPILER=/usr/bin/cc", "CMAKE_C_COMPILER=distcc /usr/bin/cc"]


def test_recipes_that_write_preprocessed_or_assembler_text_do_not_count(tmp_path: Path) -> None:
    rules = "\n\t".join(f"distcc /usr/bin/cc $(C_FLAGS) {rest}" for rest in ("-E a.c > a.i", "-S a.c -o a.s"))
    assert cmake_tree(tmp_path, {"a": rules}).commands == ()


def test_launcher_as_a_variable_of_build_statements(tmp_path: Path) -> None:
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
    assert compilers_of(tree) == ["CMAKE_C_COMPILER=distcc /usr/bin/cc"]
    [found] = tree.commands
    assert (found.words, found.count) == (("distcc", "/usr/bin/cc", "-O2", "-MD", "-c"), 2)
    assert (found.place, found.example) == ("FLAGS in build.ninja", "/s/a.c")


def test_launcher_with_arguments_and_empty_cache(tmp_path: Path) -> None:
    cache = "CMAKE_C_COMPILER:FILEPATH=/usr/bin/cc\nCMAKE_C_COMPILER_LAUNCHER:STRING=ccache;distcc\n"
    assert compilers_of(tree_of(tmp_path, cache, "CMakeCache.txt")) == [
        "CMAKE_C_COMPILER=ccache distcc /usr/bin/cc"
    ]
    assert "names no C or C++ compiler" in tree_of(tmp_path, "", "CMakeCache.txt").unknown
