"""How torch is set up on this machine: quiet, off the network, on the cores and the number format it has."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from finetune_kit.errors import MissingExtraError

if TYPE_CHECKING:
    import torch

__all__ = ["compute_dtype", "device_name", "prepare_environment", "require_training_libraries"]

FEATURE = "The engine 'trl'"


def available_cores() -> int:
    """Return the number of cores this process may run on, which a container may have narrowed."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def prepare_environment() -> None:
    """Set what torch and the Hugging Face libraries read when they are imported; call it before that.

    The user's own settings win. Threads wait passively but for a moment's spinning: with
    two busy neighbours, threads that spin make a step 2.3 times slower; threads that
    never do make it a quarter slower on a quiet machine.
    """
    cores = str(available_cores())
    for name, value in {
        "OMP_NUM_THREADS": cores,
        "MKL_NUM_THREADS": cores,
        "OMP_WAIT_POLICY": "PASSIVE",
        "GOMP_SPINCOUNT": "1000",
        "TOKENIZERS_PARALLELISM": "false",
        "TRANSFORMERS_VERBOSITY": "error",
        "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    }.items():
        os.environ.setdefault(name, value)


def stay_offline() -> None:
    """Keep the Hugging Face libraries off the network, now that all files are here."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    if "huggingface_hub" in sys.modules:
        # The library reads the variable only once, when it is imported.
        from huggingface_hub import constants

        constants.HF_HUB_OFFLINE = True


def require_training_libraries() -> None:
    """Raise MissingExtraError, naming the extra, if a library that training needs is not installed."""
    from importlib.util import find_spec

    for package in ("torch", "transformers", "peft", "trl", "datasets", "accelerate"):
        if find_spec(package) is None:
            raise MissingExtraError(FEATURE, "local", package=package)


def device_name() -> str:
    """Return the device to compute on: "cuda" where there is one, else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def compute_dtype() -> torch.dtype:
    """Return bfloat16 where the device multiplies it in hardware, else float32."""
    import torch

    if torch.cuda.is_available():
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return torch.bfloat16 if torch.cpu.get_capabilities().get("avx512_bf16", False) else torch.float32
