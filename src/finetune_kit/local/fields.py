"""The fields of a JSON request, read one by one and refused in the service's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from finetune_kit.local.problems import bad_request

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Fields"]

_MAX_PAIRS = 16
_MAX_KEY = 64
_MAX_VALUE = 512
_TYPE_NAMES: Mapping[type, str] = {
    str: "a string", bool: "a boolean", int: "an integer", float: "a number",
    list: "an array", dict: "an object", type(None): "null",
}  # fmt: skip


class Fields:
    """One object of a request; `path` is where in the body it is, for the `param` of a refusal."""

    def __init__(self, values: Any, path: str = "") -> None:
        if not isinstance(values, dict):
            where = f"'{path}'" if path else "the body"
            raise bad_request(f"Invalid type for {where}: expected an object, but got {_name(values)}.", path or None)
        self._values: dict[str, Any] = values
        self._path = path

    def only(self, known: Iterable[str]) -> None:
        """Refuse fields other than those."""
        for name in self._values:
            if name not in set(known):
                raise bad_request(f"Unknown parameter: '{self.param(name)}'.", self.param(name), "unknown_parameter")

    def param(self, name: str) -> str:
        """Return the full name of a field."""
        return f"{self._path}.{name}" if self._path else name

    def has(self, name: str) -> bool:
        """Return whether a field is there and not null."""
        return self._values.get(name) is not None

    def raw(self, name: str) -> Any:
        """Return a field as it is, None if it is not there."""
        return self._values.get(name)

    def object(self, name: str) -> Fields | None:
        """Return an object, or None."""
        return Fields(self._values[name], self.param(name)) if self.has(name) else None

    def text(self, name: str) -> str | None:
        """Return a string, or None."""
        value: str | None = self._typed(name, str)
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean, False where it is not there."""
        return self._typed(name, bool) or False

    def required_text(self, name: str) -> str:
        """Return a string that must be there, and not empty."""
        value = self.text(name)
        if not value:
            message = f"Missing required parameter: '{self.param(name)}'."
            raise bad_request(message, self.param(name), "missing_required_parameter")
        return value

    def one_of(self, name: str, choices: Sequence[str]) -> str | None:
        """Return a string that is one of the choices, or None."""
        value = self.text(name)
        if value is not None and value not in choices:
            raise self.refusal(name, f"supported values are: {', '.join(map(repr, choices))}")
        return value

    def integer(self, name: str, lowest: int, highest: int | None = None) -> int | None:
        """Return an integer within bounds, or None."""
        value: int | None = self._typed(name, int)
        if value is not None and (value < lowest or (highest is not None and value > highest)):
            bounds = f"at least {lowest}" if highest is None else f"between {lowest} and {highest}"
            raise self.refusal(name, f"expected an integer {bounds}")
        return value

    def number(self, name: str, lowest: float, highest: float | None = None, *, above: bool = False) -> float | None:
        """Return a number within bounds, or None; `above` leaves the lowest out."""
        value: float | None = self._typed(name, float)
        if value is None:
            return None
        if value < lowest or (above and value == lowest) or (highest is not None and value > highest):
            bounds = f"above {lowest:g}" if above else f"of at least {lowest:g}"
            raise self.refusal(name, f"expected a number {bounds}" + (f", at most {highest:g}" if highest else ""))
        return value

    def array(self, name: str) -> list[Any] | None:
        """Return an array, or None."""
        values: list[Any] | None = self._typed(name, list)
        return values

    def texts(self, name: str) -> list[str] | None:
        """Return an array of strings, or None."""
        values = self.array(name)
        for index, value in enumerate(values or ()):
            if not isinstance(value, str):
                raise self._wrong_type(f"{name}[{index}]", str, value)
        return values

    def metadata(self, name: str = "metadata") -> dict[str, str] | None:
        """Return up to 16 pairs of strings, or None."""
        pairs = self._typed(name, dict)
        if pairs is None:
            return None
        if len(pairs) > _MAX_PAIRS:
            raise self.refusal(name, f"expected at most {_MAX_PAIRS} pairs, but got {len(pairs)}")
        for index, (key, value) in enumerate(pairs.items()):
            if len(key) > _MAX_KEY:
                raise self.refusal(name, f"key {index + 1} has {len(key)} characters, at most {_MAX_KEY} are allowed")
            if not isinstance(value, str):
                raise self._wrong_type(f"{name}.{key}", str, value)
            if len(value) > _MAX_VALUE:
                raise self.refusal(f"{name}.{key}", f"{len(value)} characters, at most {_MAX_VALUE} are allowed")
        return dict(pairs)

    def refusal(self, name: str, reason: str) -> Exception:
        """Return the problem of a field whose value cannot be used."""
        return bad_request(f"Invalid value for '{self.param(name)}': {reason}.", self.param(name), "invalid_value")

    def _typed(self, name: str, kind: type) -> Any:
        value = self._values.get(name)
        if value is None or type(value) is kind:
            return value
        if kind is float and type(value) is int:
            return float(value)
        raise self._wrong_type(name, kind, value)

    def _wrong_type(self, name: str, kind: type, value: Any) -> Exception:
        message = (
            f"Invalid type for '{self.param(name)}': expected {_TYPE_NAMES[kind]}, but got {_name(value)} instead."
        )
        return bad_request(message, self.param(name), "invalid_type")


def _name(value: Any) -> str:
    return _TYPE_NAMES[type(value)]
