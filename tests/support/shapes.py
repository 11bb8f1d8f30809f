"""Compares a JSON document with the keys and types that docs/json.md gives for it."""

from __future__ import annotations

import re
from pathlib import Path

_DOCS = Path(__file__).parents[2] / "docs" / "json.md"
_TYPES = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def assert_shape(value: object, name: str) -> None:
    """Fails unless a value has exactly the keys and types of the section `name` in docs/json.md."""
    _check(value, f"[{name}](#)", name)


def _sections() -> dict[str, dict[str, str]]:
    """For each section of docs/json.md, the type of each key, as it is written there."""
    sections: dict[str, dict[str, str]] = {}
    for line in _DOCS.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            name = line.removeprefix("## ")
            sections[name] = {}
        elif row := re.fullmatch(r"\| `(\w+)` \| (.*?) \| .* \|", line):
            sections[name][row[1]] = row[2]
    return sections


def _check(value: object, kind: str, place: str) -> None:
    if kind.endswith(" or null"):
        if value is not None:
            _check(value, kind.removesuffix(" or null"), place)
    elif kind.startswith("list of "):
        assert isinstance(value, list), f"{place}: {value!r} is not a {kind}"
        for index, item in enumerate(value):
            _check(item, kind.removeprefix("list of "), f"{place}[{index}]")
    elif kind.startswith("object of "):
        assert isinstance(value, dict), f"{place}: {value!r} is not an {kind}"
        for key, item in value.items():
            _check(item, kind.removeprefix("object of "), f"{place}.{key}")
    elif link := re.fullmatch(r"\[(.*)\]\(.*\)", kind):
        _check_section(value, link[1], place)
    else:
        right = isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
        assert right, f"{place}: {value!r} is not a {kind}"


def _check_section(value: object, name: str, place: str) -> None:
    section = _sections()[name]
    assert isinstance(value, dict), f"{place}: {value!r} is no object"
    assert list(value) == list(section), f"{place}: keys {list(value)}, but the docs have {list(section)}"
    for key, kind in section.items():
        _check(value[key], kind, f"{place}.{key}")
