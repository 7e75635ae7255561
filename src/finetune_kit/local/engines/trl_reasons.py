"""The reasons for which training stops that lie in the model's files or in the machine."""

from __future__ import annotations

import errno
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from finetune_kit.local.engines.base import TrainingFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from finetune_kit.local.engines.base import TrainingRun

__all__ = ["loading", "out_of_resources"]

_LEAST_FREE_BYTES: Final = 32 * 2**20


@contextmanager
def loading(run: TrainingRun) -> Iterator[None]:
    """Say of any failure to load that it is the model which cannot be loaded."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, KeyError, ImportError, SafetensorError) as error:
        first_line = (str(error).strip().splitlines() or [""])[0]
        raise TrainingFailed(
            f"The model {run.start_from.id!r} cannot be loaded: {type(error).__name__}: {first_line}. "
            "Choose another model, or fetch its files anew",
            code="model_not_loadable",
            param="model",
        ) from error


@contextmanager
def out_of_resources(run: TrainingRun) -> Iterator[None]:
    """Turn what a machine runs out of into a reason that the job's owner can act on."""
    import torch

    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise _out_of_memory() from error
    except (OSError, RuntimeError) as error:
        if "can't allocate memory" in str(error):
            raise _out_of_memory() from error
        full = getattr(error, "errno", None) == errno.ENOSPC
        if full or shutil.disk_usage(run.directory).free < _LEAST_FREE_BYTES:
            raise TrainingFailed(
                f"{run.directory}: the disk is full. Make room there; a paused or failed job can be run again",
                code="disk_full",
            ) from error
        raise


def _out_of_memory() -> TrainingFailed:
    return TrainingFailed(
        "Out of memory. Choose a smaller batch_size or shorter examples, or a smaller model", code="out_of_memory"
    )
