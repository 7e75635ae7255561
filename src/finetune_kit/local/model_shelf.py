"""The models that the answering process holds: a base once, and a few adapters on it; importing it imports torch."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from transformers import AutoModelForCausalLM

from finetune_kit.local.chat_format import ChatFormat, load_chat_format
from finetune_kit.local.torch_settings import compute_dtype, device_name
from finetune_kit.local.weights import prepared_model

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LoadedBase", "ModelShelf"]

MOST_BASES: Final = 2
MOST_ADAPTERS: Final = 4


@dataclass(slots=True)
class LoadedBase:
    """A base model in memory, with the adapters last used on it."""

    model: Any
    chat_format: ChatFormat
    context_length: int
    _adapters: OrderedDict[str, str] = field(default_factory=OrderedDict)
    _loaded: int = 0

    @contextmanager
    def tuned_by(self, adapter: str | None) -> Iterator[Any]:
        """Give the model with an adapter (a directory), or as the base alone, which it stays without."""
        if adapter is None:
            with self._base_alone():
                yield self.model
            return
        if adapter not in self._adapters:
            self._load(adapter)
        self._adapters.move_to_end(adapter)
        self.model.set_adapter(self._adapters[adapter], inference_mode=True)
        yield self.model

    @contextmanager
    def _base_alone(self) -> Iterator[None]:
        if not self._adapters:
            yield
            return
        with self.model.disable_adapter():
            yield

    def _load(self, adapter: str) -> None:
        from peft import PeftModel

        if len(self._adapters) >= MOST_ADAPTERS:
            _, oldest = self._adapters.popitem(last=False)
            self.model.delete_adapter(oldest)
        self._loaded += 1
        name = f"adapter-{self._loaded}"
        if isinstance(self.model, PeftModel):
            self.model.load_adapter(adapter, name, autocast_adapter_dtype=False)
        else:
            self.model = PeftModel.from_pretrained(self.model, adapter, name, autocast_adapter_dtype=False)
        self.model.to(compute_dtype())
        self.model.eval()
        _keep_head_whole(self.model)
        self._adapters[adapter] = name


class ModelShelf:
    """Loads base models when they are first asked for, and keeps the last two."""

    def __init__(self) -> None:
        self._bases: OrderedDict[str, LoadedBase] = OrderedDict()

    def base(self, name: str) -> LoadedBase:
        """Return a base model, fetched and loaded if need be."""
        if name not in self._bases:
            while len(self._bases) >= MOST_BASES:
                self._bases.popitem(last=False)
            self._bases[name] = _load_base(name)
        self._bases.move_to_end(name)
        return self._bases[name]


def _load_base(name: str) -> LoadedBase:
    directory = prepared_model(name)
    model: Any = AutoModelForCausalLM.from_pretrained(directory, dtype=compute_dtype(), local_files_only=True)
    model.to(device_name()).eval()
    _keep_head_whole(model)
    length = int(getattr(model.config.get_text_config(), "max_position_embeddings", 2**20))
    return LoadedBase(model, load_chat_format(directory), length)


def _keep_head_whole(model: Any) -> None:
    """Keep torch from copying the output matrix once for each row of a batch (2.6 GB for 48 rows of SmolLM2).

    It does that for a weight without gradient, and only then; no gradient is ever computed here.
    """
    model.get_output_embeddings().weight.requires_grad = True
