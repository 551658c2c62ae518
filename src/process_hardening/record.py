"""Frozen records: what dataclasses do, without importing them.

`import dataclasses` takes longer than hardening and Python's own start together (it imports
inspect and re); records are made when programs start.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet
    from typing import Any, NoReturn

    from typing_extensions import Self, dataclass_transform
else:

    def dataclass_transform(**_):
        """Tell type checkers, and nobody else, what a decorated class does."""
        return lambda decorated: decorated


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Record:
    """The base of a frozen record: annotations are its fields, class attributes their defaults.

    Fields are given by keyword. Two records are equal when they are of the same class and all
    fields are. Raises TypeError for a field that is unknown or missing.
    """

    _fields: tuple[str, ...] = ()
    _known: frozenset[str] = frozenset()
    _needed: frozenset[str] = frozenset()

    def __init_subclass__(cls) -> None:
        cls._fields = (*cls._fields, *cls.__annotations__)
        # Once a class, not once a record: an audit makes thousands.
        cls._known = frozenset(cls._fields)
        cls._needed = frozenset(name for name in cls._fields if not hasattr(cls, name))

    def __init__(self, **values: Any) -> None:
        given = values.keys()
        if not self._needed <= given <= self._known:
            self._refuse(given)
        self.__dict__.update(values)

    def _refuse(self, given: AbstractSet[str]) -> NoReturn:
        name = type(self).__name__
        for field in given - self._known:
            raise TypeError(f"{name} has no field {field!r}")
        missing = [f"{field}=..." for field in self._fields if field in self._needed - given]
        raise TypeError(f"{name} needs {', '.join(missing)}")

    def items(self) -> Iterator[tuple[str, Any]]:
        """Each field and its value, in order."""
        return ((name, getattr(self, name)) for name in self._fields)

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed. Raises TypeError for an unknown field."""
        return type(self)(**{**dict(self.items()), **changes})

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a {type(self).__name__} cannot be changed: use replace({name}=...)")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a {type(self).__name__} cannot be changed: {name} stays")

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(value == getattr(other, name) for name, value in self.items())

    def __hash__(self) -> int:
        return hash((type(self), *self.items()))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.items())
        return f"{type(self).__name__}({fields})"
