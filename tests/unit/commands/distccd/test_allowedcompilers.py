"""Compilers that clients may call, by links and programs in directories that the test makes."""

from __future__ import annotations

from pathlib import Path

from distcc_driver.commands.distccd.allowedcompilers import find_compilers


def program(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\x7fELF")
    path.chmod(0o755)


def test_a_compiler_needs_a_link_and_a_program(tmp_path: Path) -> None:
    program(tmp_path / "real" / "distcc")
    for name in ("gcc", "g++", "clang-15", "gcc-ar", "make"):
        program(tmp_path / "bin" / name)
    links = tmp_path / "links"
    links.mkdir()
    for name in ("gcc", "g++", "tcc-gone"):
        (links / name).symlink_to(tmp_path / "real" / "distcc")
    (links / "clang-15").symlink_to(tmp_path / "nowhere")
    found = find_compilers(f"{links}:{tmp_path}/bin:relative:", str(links))
    assert found.allowed == ("g++", "gcc")
    assert found.unlinked == ("clang-15",)
    assert found.search_path == f"{tmp_path}/bin"


def test_without_links_nothing_is_allowed(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "cc")
    found = find_compilers(f"{tmp_path}/bin", str(tmp_path / "links"))
    assert (found.allowed, found.unlinked) == ((), ("cc",))
