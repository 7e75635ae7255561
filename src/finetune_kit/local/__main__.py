"""The embedded server as a program: `python -m finetune_kit.local --dir DIR`."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from typing import TYPE_CHECKING

from finetune_kit.errors import FinetuneKitError
from finetune_kit.local.engines import ENGINE_NAMES
from finetune_kit.local.server import LocalServer
from finetune_kit.settings import environment

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_KEY_VARIABLE = "FINETUNE_KIT_LOCAL_API_KEY"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal ends it; return the exit status."""
    given = _parser().parse_args(arguments)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        server = LocalServer(
            given.dir,
            engine=given.engine,
            host=given.host,
            port=given.port,
            api_key=given.api_key or environment(_KEY_VARIABLE),
        )
        with server:
            print(server.base_url, flush=True)
            ended.wait()
    except FinetuneKitError as error:
        print(f"finetune_kit.local: error: {error.message}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m finetune_kit.local", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    parser.add_argument("--dir", help="directory for files, jobs and models (default: a temporary one)")
    parser.add_argument("--engine", choices=ENGINE_NAMES, default="trl", help="what trains (default: %(default)s)")
    parser.add_argument("--api-key", help=f"key that requests must carry (default: ${_KEY_VARIABLE}, else any)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
