"""What all formats of sources have in common: records become rows, or files do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from finetune_kit.datasets.sources.found import Found, Lost, UnusableError
from finetune_kit.datasets.sources.records import JSON_SUFFIXES, TABLE_SUFFIXES, read_table
from finetune_kit.errors import ConfigurationError, DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from finetune_kit.datasets.rules import MethodName
    from finetune_kit.datasets.sources.found import Options
    from finetune_kit.datasets.tables import Table

__all__ = ["FileFormat", "RecordFormat", "text_of"]

Yielded = Iterator[Found | Lost]


class FileFormat(ABC):
    """A format of whole files."""

    suffixes: ClassVar[tuple[str, ...]]
    """How the names of its files end, in lower case."""
    takes: ClassVar[frozenset[str]] = frozenset()
    """Which of the options user, assistant and roles mean something to it."""
    methods: ClassVar[tuple[MethodName, ...]] = ("supervised",)
    """What its examples can be for."""

    def check(self, options: Options) -> None:
        """Raise ConfigurationError where an option means nothing to this format."""
        given = {"user": options.user, "assistant": options.assistant, "roles": options.roles}
        idle = [name for name, value in given.items() if value is not None and name not in self.takes]
        if idle:
            raise ConfigurationError(f"{idle[0]} means nothing to the format {type(self).__name__}: leave it out")
        if options.method is not None and options.method not in self.methods:
            made = " or ".join(self.methods)
            raise ConfigurationError(f"the format {type(self).__name__} makes {made} examples, not {options.method}")

    @abstractmethod
    def read_file(self, path: Path, options: Options) -> Yielded:
        """Yield what a file gives."""

    def read_files(self, path: Path, options: Options) -> Iterator[tuple[Path, Yielded]]:
        """Yield what each file gives: the one at the path, or those under the directory, in the order of their names.

        Raises:
            DatasetError: No file of the directory is of this format.
        """
        if not path.is_dir():
            yield path, self.read_file(path, options)
            return
        files = [file for file in sorted(path.rglob("*")) if file.is_file() and file.suffix.lower() in self.suffixes]
        if not files:
            raise DatasetError(f"no file under {str(path)!r} has a name that ends in {', '.join(self.suffixes)}")
        for file in files:
            yield file, self.read_file(file, options)


class RecordFormat(FileFormat):
    """A format of records: JSON, or the rows of a table."""

    suffixes: ClassVar[tuple[str, ...]] = (*JSON_SUFFIXES, *TABLE_SUFFIXES)

    @abstractmethod
    def convert(self, record: Mapping[str, Any], line: int, options: Options) -> Iterator[Found]:
        """Yield the rows of one record.

        Raises:
            UnusableError: It has none.
        """

    def read_table(self, table: Table, options: Options) -> Yielded:
        """Yield what each record gives."""
        for line, record in table.numbered():
            try:
                yield from self.convert(record, line, options)
            except UnusableError as error:
                yield Lost(line, error.reason, error.remedy)
        yield from table.lost

    def read_file(self, path: Path, options: Options) -> Yielded:
        """Yield what each record of a file gives."""
        return self.read_table(read_table(path), options)


def text_of(value: object, named: str) -> str:
    """Return a value that must be a text with something in it, or a number, as spreadsheets keep them.

    Raises:
        UnusableError: It is none; `named` says what is missing.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and value == value:  # noqa: PLR0124 - not NaN
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise UnusableError(f"{named} is {'empty' if isinstance(value, str) else 'no text'}", f"write the {named}")
    return value
