"""The embedded server: the fine-tuning API over real HTTP, training on this machine."""

from finetune_kit.local.server import LocalServer

__all__ = ["LocalServer"]
