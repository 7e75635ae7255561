"""Answers of a language model, many at a time, one token after the other; importing it imports torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import torch
from transformers import DynamicCache

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from finetune_kit.local.chat_format import ChatFormat

__all__ = ["Answer", "Sampling", "generate"]

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to choose the next token, and when to stop."""

    max_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(slots=True)
class Answer:
    """One answer in the making; `send` gets its text, piece by piece where `stream` is true.

    `send` is called with the new text, and with a finish reason the last time.
    """

    prompt: Sequence[int]
    sampling: Sampling
    stream: bool
    send: Callable[[Answer, str, FinishReason | None], None]
    wanted: Callable[[], bool] = lambda: True
    """Whether anybody still waits for it; asked after each token."""
    tokens: list[int] = field(default_factory=list)
    _sent: int = 0
    _random: torch.Generator | None = None

    def pick(self, logits: torch.Tensor) -> int:
        """Choose a token by temperature and top_p, from randomness that no neighbour draws on."""
        if self._random is None:
            self._random = torch.Generator()
            if self.sampling.seed is None:
                self._random.seed()
            else:
                self._random.manual_seed(self.sampling.seed)
        chances = torch.softmax(logits.float() / self.sampling.temperature, dim=-1).cpu()
        if self.sampling.top_p < 1:
            chances = _nucleus(chances, self.sampling.top_p)
        return int(torch.multinomial(chances, 1, generator=self._random))

    def take(self, token: int, chat_format: ChatFormat) -> bool:
        """Add a token, send what is certain by now, and return whether the answer goes on."""
        if token in chat_format.stop_ids:
            self._finish(self._text(chat_format), "stop")
            return False
        self.tokens.append(token)
        full = len(self.tokens) >= self.sampling.max_tokens
        if not (full or self.stream or self.sampling.stop):
            return self.wanted()
        text = self._text(chat_format)
        if (end := self._stop_position(text)) is not None:
            self._finish(text[:end], "stop")
            return False
        if full:
            self._finish(text, "length")
            return False
        if self.stream:
            self._send_certain(text)
        return self.wanted()

    def _text(self, chat_format: ChatFormat) -> str:
        return str(chat_format.tokenizer.decode(self.tokens, skip_special_tokens=True))

    def _stop_position(self, text: str) -> int | None:
        found = [position for word in self.sampling.stop if (position := text.find(word)) >= 0]
        return min(found, default=None)

    def _send_certain(self, text: str) -> None:
        """Send the new text but for what may be half a character or the beginning of a stop string."""
        certain = text.rstrip("\ufffd")
        held = max((_overlap(certain, word) for word in self.sampling.stop), default=0)
        end = len(certain) - held
        if end > self._sent:
            self.send(self, certain[self._sent : end], None)
            self._sent = end

    def _finish(self, text: str, reason: FinishReason) -> None:
        self.send(self, text[self._sent :], reason)


def _overlap(text: str, word: str) -> int:
    """Return how many characters at the end of `text` may begin `word`."""
    return next((size for size in range(len(word) - 1, 0, -1) if text.endswith(word[:size])), 0)


def _nucleus(chances: torch.Tensor, top_p: float) -> torch.Tensor:
    """Keep the likeliest tokens that together reach `top_p` (https://arxiv.org/abs/1904.09751)."""
    ordered, order = chances.sort(descending=True)
    ordered[ordered.cumsum(0) - ordered >= top_p] = 0
    return torch.zeros_like(chances).scatter(0, order, ordered)


def generate(model: Any, answers: Sequence[Answer], chat_format: ChatFormat) -> None:
    """Write all `answers` together; one that has ended no longer takes part in the computation."""
    active = list(answers)
    with torch.inference_mode():
        batch = _begin(model, active)
        while active:
            chosen = _chosen(batch.next_logits(model), active)
            going = [row for row, token in enumerate(chosen) if active[row].take(token, chat_format)]
            if len(going) < len(active):
                batch.keep(going)
            active = [active[row] for row in going]
            batch.append([chosen[row] for row in going])


@dataclass(slots=True)
class _Batch:
    """What a model needs to go on with all rows: the tokens not read yet, and the memory of those read."""

    tokens: torch.Tensor
    """Not read yet; rows by tokens, padded on the left."""
    mask: torch.Tensor
    """1 for what is a token, 0 for padding; rows by all tokens, read and not."""
    cache: DynamicCache

    def next_logits(self, model: Any) -> torch.Tensor:
        """Read the tokens and return the logits of the next one; rows by vocabulary."""
        positions = (self.mask.cumsum(-1) - 1).clamp(min=0)[:, -self.tokens.shape[1] :]
        logits: torch.Tensor = model(
            input_ids=self.tokens,
            attention_mask=self.mask,
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits
        return logits[:, -1]

    def keep(self, rows: list[int]) -> None:
        """Forget all rows but these."""
        kept = torch.tensor(rows, dtype=torch.long, device=self.mask.device)
        self.mask = self.mask[kept]
        if rows:
            self.cache.batch_select_indices(kept)

    def append(self, tokens: list[int]) -> None:
        """Give each row the next token to read."""
        self.tokens = torch.tensor(tokens, dtype=torch.long, device=self.mask.device)[:, None]
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(tokens), 1)], dim=1)


def _begin(model: Any, answers: Sequence[Answer]) -> _Batch:
    """Read what all prompts begin with once, mostly the system message, and leave the rest of each to be read."""
    prompts = [answer.prompt for answer in answers]
    shared = _shared_length(prompts) if len(prompts) > 1 else 0
    cache = DynamicCache(config=model.config)
    if shared:
        prefix = torch.tensor([prompts[0][:shared]], device=model.device)
        model(input_ids=prefix, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache.batch_repeat_interleave(len(prompts))
    longest = max(map(len, prompts))
    padding = [longest - len(prompt) for prompt in prompts]
    tokens = [[0] * empty + list(prompt[shared:]) for empty, prompt in zip(padding, prompts, strict=True)]
    mask = [[1] * shared + [0] * empty + [1] * (longest - shared - empty) for empty in padding]
    return _Batch(torch.tensor(tokens, device=model.device), torch.tensor(mask, device=model.device), cache)


def _shared_length(prompts: Sequence[Sequence[int]]) -> int:
    """Return how many tokens all prompts begin with, leaving each at least one of its own."""
    shared = 0
    for column in zip(*prompts, strict=False):
        if len(set(column)) > 1:
            break
        shared += 1
    return min(shared, min(map(len, prompts)) - 1)


def _chosen(logits: torch.Tensor, answers: Sequence[Answer]) -> list[int]:
    greedy: list[int] = logits.argmax(-1).tolist()
    return [
        likeliest if answer.sampling.temperature == 0 else answer.pick(logits[row])
        for row, (likeliest, answer) in enumerate(zip(greedy, answers, strict=True))
    ]
