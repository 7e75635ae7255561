"""What a supervised run is trained with: hyperparameters with every "auto" decided, and what follows from them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from finetune_kit.types.methods import SupervisedMethod

__all__ = [
    "ADAM_BETA2",
    "HALF_PRECISION_RATE",
    "LORA_ALPHA",
    "LORA_RANK",
    "Hyperparameters",
    "base_learning_rate",
    "micro_batch_size",
    "resolved",
]

LORA_RANK: Final = 16
LORA_ALPHA: Final = 32

ADAM_BETA2: Final = 0.95
"""Short memory: runs are short, and bfloat16 would round away the changes that 0.999 makes."""

HALF_PRECISION_RATE: Final = 5e-4
"""The least learning rate whose steps bfloat16 weights can still follow; below it the LoRA is float32."""

TARGET_STEPS: Final = 144
"""Steps after which a small model has learnt a small task; a tiny file is repeated to reach it."""

MOST_AUTO_EPOCHS: Final = 20

_BATCH_SIZES: Final = ((500, 2), (1000, 4), (2000, 8))
"""Most examples of a file -> the batch it is read in; 16 beyond."""

_LARGEST_AUTO_BATCH: Final = 16

_RECIPE_RATE: Final = 3e-3
_RECIPE_WIDTH: Final = 576
_LEAST_RATE: Final = 1e-4
_LEAST_MULTIPLIER: Final = 0.2


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """The hyperparameters of a supervised run, as numbers."""

    n_epochs: int
    batch_size: int
    learning_rate_multiplier: float

    def as_dict(self) -> dict[str, int | float]:
        """Return them under the protocol's names."""
        return {
            "n_epochs": self.n_epochs,
            "batch_size": self.batch_size,
            "learning_rate_multiplier": self.learning_rate_multiplier,
        }


def resolved(method: SupervisedMethod, examples: int) -> Hyperparameters:
    """Decide what "auto" means for a file of so many examples; what was chosen is kept as it is.

    A small file is read in batches of 2: for the time of a step on a CPU, many small
    steps teach a small model more than few large ones. The batch grows with the file, 4
    examples from 500 on, 8 from 1000, 16 from 2000, so that the steps grow slower. A file
    is read again only where once gives far fewer than 144 steps. The rate falls with the
    square root of the steps beyond.
    """
    batch_size = _auto_batch_size(examples) if method.batch_size == "auto" else method.batch_size
    steps_an_epoch = math.ceil(examples / batch_size)
    n_epochs = _auto_epochs(steps_an_epoch) if method.n_epochs == "auto" else method.n_epochs
    multiplier = method.learning_rate_multiplier
    if multiplier == "auto":
        multiplier = _auto_multiplier(steps_an_epoch * n_epochs)
    return Hyperparameters(n_epochs, batch_size, multiplier)


def _auto_batch_size(examples: int) -> int:
    return next((size for most, size in _BATCH_SIZES if examples <= most), _LARGEST_AUTO_BATCH)


def _auto_epochs(steps_an_epoch: int) -> int:
    return min(MOST_AUTO_EPOCHS, max(1, round(TARGET_STEPS / steps_an_epoch)))


def _auto_multiplier(steps: int) -> float:
    return round(max(_LEAST_MULTIPLIER, min(1.0, math.sqrt(1.25 * TARGET_STEPS / steps))), 2)


def base_learning_rate(hidden_size: int) -> float:
    """Return the rate that a multiplier of 1 means: 3e-3 for SmolLM2-135M, less for wider models.

    Measured for hidden size 576; for others it falls with the width, as the best rate of
    a LoRA does (https://thinkingmachines.ai/blog/lora/), to no less than 1e-4.
    """
    return max(_LEAST_RATE, min(_RECIPE_RATE, _RECIPE_RATE * _RECIPE_WIDTH / hidden_size))


def micro_batch_size(batch_size: int, longest: int, *, most_tokens: int) -> int:
    """Return the examples to hold in memory at once: the largest divisor of the batch within `most_tokens`."""
    fitting = max(1, most_tokens // longest)
    return max(size for size in range(1, batch_size + 1) if batch_size % size == 0 and size <= fitting)
