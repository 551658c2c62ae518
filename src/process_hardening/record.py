"""Frozen records, like dataclasses but without importing that module.

`import dataclasses` takes longer than starting Python and hardening together (it imports inspect
and re), and programs create records at start-up.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet
    from typing import Any, NoReturn

    from typing_extensions import Self, dataclass_transform
else:

    def dataclass_transform(**_):
        """Tell type checkers what a decorated class does; has no effect at run time."""
        return lambda decorated: decorated


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Record:
    """The base class of frozen records: annotations are fields, class attributes their defaults.

    Fields are passed by keyword. Two records are equal if their classes and all fields are equal.
    Raises TypeError for unknown or missing fields.
    """

    _fields: tuple[str, ...] = ()
    _known: frozenset[str] = frozenset()
    _needed: frozenset[str] = frozenset()

    def __init_subclass__(cls) -> None:
        cls._fields = (*cls._fields, *cls.__annotations__)
        # Once per class, not per record: an audit creates thousands of records.
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
        """Yield each field and its value, in order."""
        return ((name, getattr(self, name)) for name in self._fields)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed. Raises TypeError for an unknown field."""
        return type(self)(**{**dict(self.items()), **changes})

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a {type(self).__name__} is immutable: use replace({name}=...)")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a {type(self).__name__} is immutable: {name} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(value == getattr(other, name) for name, value in self.items())

    def __hash__(self) -> int:
        return hash((type(self), *self.items()))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.items())
        return f"{type(self).__name__}({fields})"
