"""Showing how something goes on: in a terminal, in a notebook, in a log file."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Protocol, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Display", "bar", "duration", "open_display"]

LOG_SECONDS = 30.0
"""A log file gets a line at each milestone, and otherwise at most this often."""


class Display(Protocol):
    """Somewhere to show one line that changes."""

    def show(self, text: str, *, milestone: bool = False) -> None:
        """Show the line as it is now; a milestone stays to be read."""

    def close(self) -> None:
        """Leave the last line standing."""


def open_display(stream: TextIO | None = None) -> Display:
    """Return the display that fits where the program runs: a notebook, a terminal or a file."""
    stream = stream or sys.stderr
    show = _notebook_display()
    if show is not None:
        return _Notebook(show)
    return _Terminal(stream) if stream.isatty() else _Log(stream)


def bar(done: int, total: int, *, width: int = 20) -> str:
    """Return a bar such as `[#####.....]`."""
    full = width * min(done, total) // max(1, total)
    return f"[{'#' * full}{'.' * (width - full)}]"


def duration(seconds: float) -> str:
    """Return seconds as `m:ss`, or `h:mm:ss` from an hour on."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class _Terminal:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._width = 0

    def show(self, text: str, *, milestone: bool = False) -> None:
        self._stream.write("\r" + text.ljust(self._width) + ("\n" if milestone else ""))
        self._stream.flush()
        self._width = 0 if milestone else len(text)

    def close(self) -> None:
        if self._width:
            self._stream.write("\n")
            self._stream.flush()
            self._width = 0


class _Log:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last = time.monotonic()

    def show(self, text: str, *, milestone: bool = False) -> None:
        if milestone or time.monotonic() - self._last >= LOG_SECONDS:
            self._last = time.monotonic()
            self._stream.write(text + "\n")
            self._stream.flush()

    def close(self) -> None:
        self._stream.flush()


class _Notebook:
    def __init__(self, show: Callable[..., Any]) -> None:
        self._milestones: list[str] = []
        self._text = ""
        self._handle = show(_Preformatted(""), display_id=True)

    def show(self, text: str, *, milestone: bool = False) -> None:
        if milestone:
            self._milestones.append(text)
        self._text = "" if milestone else text
        self._handle.update(_Preformatted("\n".join([*self._milestones, self._text]).rstrip()))

    def close(self) -> None:
        self.show(self._text, milestone=bool(self._text))


class _Preformatted:
    """Text that a notebook shows as it is."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _notebook_display() -> Callable[..., Any] | None:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None or type(shell).__name__ != "ZMQInteractiveShell":
        return None
    from IPython.display import display  # type: ignore[import-not-found,unused-ignore]

    return display  # type: ignore[no-any-return,unused-ignore]
