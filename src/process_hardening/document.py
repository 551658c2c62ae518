"""Reads values from a JSON document that may be damaged, or written by somebody else."""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Collection

_LARGEST = 2**53 - 1  # RFC 8259: larger numbers are not the same everywhere


class Value:
    """A value in a JSON document.

    Each method raises ValueError, which names the place in the document, if the value is not what
    the method returns.
    """

    __slots__ = ("_content", "_place")

    def __init__(self, content: object, place: str = "") -> None:
        self._content = content
        self._place = place

    def _refuse(self, wanted: str) -> ValueError:
        return ValueError(f"{self._place or 'the document'} is not {wanted}")

    @property
    def is_null(self) -> bool:
        """Whether the value is null."""
        return self._content is None

    def _object(self) -> dict[str, object]:
        if not isinstance(self._content, dict):
            raise self._refuse("an object")
        return self._content

    def __contains__(self, key: str) -> bool:
        """Return whether the value of a key of an object is there, and not null."""
        return self._object().get(key) is not None

    def __getitem__(self, key: str) -> Value:
        """Return a value of an object."""
        place = f"{self._place}.{key}" if self._place else key
        content = self._object()
        if key not in content:
            raise ValueError(f"{place} is missing")
        return Value(content[key], place)

    def entries(self) -> dict[str, Value]:
        """Return the values of an object by key."""
        return {Value(key, f"a key of {self._place}").text(): self[key] for key in self._object()}

    def items(self) -> list[Value]:
        """Return the values of a list."""
        if not isinstance(self._content, list):
            raise self._refuse("a list")
        return [Value(item, f"{self._place}[{n}]") for n, item in enumerate(self._content)]

    def text(self) -> str:
        """Return a string."""
        if not isinstance(self._content, str):
            raise self._refuse("a string")
        try:
            self._content.encode()
        except UnicodeEncodeError:
            raise self._refuse("Unicode text") from None
        return self._content

    def texts(self) -> tuple[str, ...]:
        """Return a list of strings."""
        return tuple(item.text() for item in self.items())

    def flag(self) -> bool:
        """Return the content, true or false."""
        if not isinstance(self._content, bool):
            raise self._refuse("true or false")
        return self._content

    def number(self, most: int = _LARGEST) -> int:
        """Return an integer from 0 to a highest one."""
        number = self._content
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= most:
            raise self._refuse(f"a number from 0 to {most}")
        return number

    def choice(self, known: Collection[str]) -> str:
        """Return a string that is one of these."""
        text = self.text()
        if text not in known:
            raise self._refuse("known here")
        return text
