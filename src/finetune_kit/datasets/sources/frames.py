"""Data frames of pandas and polars and datasets of Hugging Face, in and out."""

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING, Any

from finetune_kit.datasets.rows import parse_row
from finetune_kit.datasets.tables import Table
from finetune_kit.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import pandas as pd
    import polars as pl
    from datasets import Dataset as HuggingFaceDataset

    from finetune_kit.datasets.rows import Rows
    from finetune_kit.datasets.rules import MethodName

__all__ = ["frame_table", "plain", "records_of", "to_hugging_face", "to_pandas", "to_polars"]

Record = dict[str, Any]
_SCALARS = (str, int, float, bool)


def frame_table(source: object) -> Table | None:
    """Return a frame of pandas or polars, or a dataset of Hugging Face, as a table; None for anything else.

    Raises:
        ConfigurationError: The source is a dictionary of splits; names them.
    """
    # Whoever holds one has imported its library; nobody else should pay for it.
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(source, pandas.DataFrame):
        names = [str(column) for column in source.columns]
        return _typed(names, ({str(key): value for key, value in row.items()} for row in source.to_dict("records")))
    polars = sys.modules.get("polars")
    if polars is not None and isinstance(source, polars.LazyFrame):
        source = source.collect()
    if polars is not None and isinstance(source, polars.DataFrame):
        return _typed(list(source.columns), source.iter_rows(named=True))
    return _hugging_face_table(source)


def records_of(rows: Rows, picks: Iterable[int], method: MethodName) -> Iterator[Record]:
    """Yield each row with what is kept beside it; a key of the row comes before one beside it."""
    return ({**rows.extra(index), **parse_row(rows, index, method)} for index in picks)


def to_pandas(records: Iterable[Record]) -> pd.DataFrame:
    """Return records as a frame of pandas (extra `tables`)."""
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtraError("to_pandas()", "tables", package="pandas") from error
    return pd.DataFrame(_complete(records))


def to_polars(records: Iterable[Record]) -> pl.DataFrame:
    """Return records as a frame of polars (extra `tables`); what has no one type in its column is JSON in a string."""
    try:
        import polars as pl
    except ImportError as error:
        raise MissingExtraError("to_polars()", "tables", package="polars") from error
    return pl.DataFrame(_uniform(_complete(records)), infer_schema_length=None)


def to_hugging_face(records: Iterable[Record]) -> HuggingFaceDataset:
    """Return records as a dataset of Hugging Face; what has no one type in its column is JSON in a string."""
    try:
        from datasets import Dataset
    except ImportError as error:
        raise MissingExtraError("to_hugging_face()", "local", package="datasets") from error
    return Dataset.from_list(_uniform(_complete(records)))


def _typed(names: list[str], records: Iterable[Mapping[str, Any]]) -> Table:
    return Table(names, [{key: plain(value) for key, value in record.items()} for record in records], is_typed=True)


def _hugging_face_table(source: object) -> Table | None:
    library = sys.modules.get("datasets")
    if library is None:
        return None
    if isinstance(source, library.DatasetDict | library.IterableDatasetDict):
        splits = ", ".join(repr(str(name)) for name in source)
        raise ConfigurationError(f"the source has the splits {splits}: give one of them, such as source['train']")
    if not isinstance(source, library.Dataset | library.IterableDataset):
        return None
    names = _class_names(source.features or {})
    records = [{key: names.get(key, plain)(value) for key, value in row.items()} for row in source]
    return _typed(list(dict.fromkeys(key for record in records for key in record)), records)


def _class_names(features: Mapping[str, Any]) -> dict[str, Callable[[Any], Any]]:
    """Return, for each column of labels, how a number becomes its name."""

    def named(names: list[str]) -> Callable[[Any], Any]:
        # -1 stands for no label, as in the test split of many sets.
        return lambda value: names[value] if isinstance(value, int) and 0 <= value < len(names) else None

    return {column: named(list(feature.names)) for column, feature in features.items() if hasattr(feature, "int2str")}


def plain(value: Any) -> Any:
    """Return a value of a frame as one of JSON: arrays as lists, missing as None, times as ISO 8601."""
    if isinstance(value, str | int | bool) or value is None:
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return _plain_of_library(value)


def _plain_of_library(value: Any) -> Any:
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray | numpy.generic):
        return plain(value.tolist())
    pandas = sys.modules.get("pandas")
    if pandas is not None and (value is pandas.NaT or value is pandas.NA):
        return None
    return value.isoformat() if hasattr(value, "isoformat") else value


def _complete(records: Iterable[Record]) -> list[Record]:
    rows = list(records)
    names = list(dict.fromkeys(name for row in rows for name in row))
    return [{name: row.get(name) for name in names} for row in rows]


def _uniform(rows: list[Record]) -> list[Record]:
    """Return rows whose columns have one type each: those of mixed or open shape become JSON in strings."""
    names = rows[0] if rows else {}
    mixed = {name for name in names if name != "messages" and not _has_one_type([row[name] for row in rows])}
    if not all(_are_plain_messages(row.get("messages")) for row in rows):
        mixed.add("messages")
    return [
        {name: _as_json(value) if name in mixed else value for name, value in row.items()} | _messages(row, mixed)
        for row in rows
    ]


def _has_one_type(values: list[Any]) -> bool:
    kinds = {type(value) for value in values if value is not None}
    return len(kinds) <= 1 and all(kind in _SCALARS for kind in kinds)


def _are_plain_messages(messages: Any) -> bool:
    if not isinstance(messages, list):
        return messages is None
    return all(isinstance(message, dict) and isinstance(message.get("content"), str | None) for message in messages)


def _messages(row: Record, mixed: set[str]) -> Record:
    if "messages" in mixed or row.get("messages") is None:
        return {}
    keys = list(dict.fromkeys(key for message in row["messages"] for key in message))
    return {"messages": [{key: message.get(key) for key in keys} for message in row["messages"]]}


def _as_json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, default=str)
