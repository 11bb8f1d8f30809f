from __future__ import annotations

import pytest

from distcc_driver.core.record import Record


class Sample(Record):
    """What it is for."""

    name: str
    size: int = 3
    note: str | None = None

    @property
    def area(self) -> int:
        return self.size * self.size

    def larger(self, by: int = 1) -> Sample:
        return self._replace(size=self.size + by)


def test_fields_come_by_position_by_name_or_by_default() -> None:
    assert Sample("a", 4, "x") == Sample(note="x", size=4, name="a")
    assert (Sample("a").name, Sample("a").size, Sample("a").note) == ("a", 3, None)


@pytest.mark.parametrize(
    ("arguments", "named"), [((), {}), (("a", 1, None, 2), {}), (("a",), {"colour": "red"})]
)
def test_missing_and_unknown_fields_are_refused(
    arguments: tuple[object, ...], named: dict[str, object]
) -> None:
    make: type = Sample
    with pytest.raises(TypeError):
        make(*arguments, **named)


def test_properties_methods_and_documentation_are_those_of_the_class() -> None:
    assert Sample("a", 4).area == 16
    assert Sample("a", 4).larger(2) == Sample("a", 6)
    assert Sample.__doc__ == "What it is for."
    assert Sample.__name__ == Sample.__qualname__ == "Sample"
    assert Sample.__module__ == __name__
    assert repr(Sample("a")) == "Sample(name='a', size=3, note=None)"


@pytest.mark.parametrize("name", ["name", "size", "area", "colour"])
def test_nothing_can_be_changed_or_added(name: str) -> None:
    sample = Sample("a")
    with pytest.raises(AttributeError):
        setattr(sample, name, 1)
    with pytest.raises(AttributeError):
        delattr(sample, name)
    assert sample == Sample("a")
