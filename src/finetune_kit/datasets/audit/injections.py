"""The check for instructions to a model hidden in what it should treat as data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

from finetune_kit.datasets.audit.check import AuditRule, Check, Hit
from finetune_kit.datasets.audit.disguises import comments, disguised
from finetune_kit.datasets.audit.phrases import count_kinds, has_phrase, patterns, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from finetune_kit.datasets.audit.row import AuditRow

__all__ = ["CHECKS", "Injections", "is_injection"]

# The marks by which chat templates separate turns: in a message they forge one.
_TURNS: Final = re.compile(
    r"<\|(?:im_start|im_end|im_sep|system|user|assistant|end|eot_id|start_header_id|end_header_id|begin_of_text"
    r"|endoftext|start|message|channel|end_of_turn|end_of_text|prompter)\|>|\[/?INST\]|<</?SYS>>"
    r"|<(?:start|end)_of_turn>|</?(?:system|sys|system_prompt|instructions?|admin|developer)>|<\|?(?:user|assistant|bot)\|>"
    r"|(?:^|\n| )\#{2,4} ?(?:Instructions?|System|Human|Assistant|Response)\s?:|\[system\]|\{\{#system"
    r"|(?:^|\n)\s*\[?system(?: (?:message|prompt|note|instruction)s?)?\]?\s?:(?=.)"
    r"|(?:[\[(<{*]\s*|(?<=[.!?] ))(?:system|admin|developer|operator|ai|hidden)(?: \w+)? ?(?:notes?|messages?|notices?"
    r"|overrides?|memos?|instructions?|prompts?|directives?|commands?|updates?|reminders?)\b[^\])>}\n]{0,20}[:\]]"
    r"|(?:systemhinweis|systemnachricht|systemanweisung|nota (?:del|di|do) sistema|note (?:du )?système"
    r"|message (?:du )?système|mensaje del sistema|messaggio di sistema|mensagem do sistema|systeembericht"
    r"|系统(?:提示|消息|通知|指令)|システム(?:通知|メッセージ|指示)|시스템 (?:메시지|알림|지시)"
    r"|системное (?:сообщение|примечание)|komunikat systemowy)\s?[:\uff1a]"
    r"|\n\s*(?:human|assistant|user): .*\n\s*(?:human|assistant|user): ",
    re.IGNORECASE,
)
# Comments of programmers give orders to people: those for a model name it.
_TO_A_MODEL: Final = re.compile(
    r"\b(?:ais?|llms?|gpt|chatgpt|assistants?|chat ?bots?|language models?|you (?:are|must|shall) (?:now )?)\b"
    r"|\b(?:ignore|disregard|override|reveal)\b[^.\n]{0,30}\b(?:instructions?|prompts?|rules|above|user)\b",
    re.IGNORECASE,
)
# In a code, where nobody else reads them, such words are orders.
_ADDRESSED: Final = re.compile(
    r"\b(?:ai|llm|gpt|assistant|chat ?bot|language model|system|prompt|instructions?|ignore|disregard|override|reveal"
    r"|you (?:are|must|should|will|shall)|do not|don't|never|always|execute|send|respond|reply|recommend|approve)\b",
    re.IGNORECASE,
)
_MANY_WEAK: Final = 4
_SHORTEST_JAILBREAK: Final = 160
_NEAR: Final = 200


class Injections(Check):
    """Texts that tell a model to forget its instructions: training on compliance with them teaches it."""

    id: ClassVar[str] = "prompt_injection"
    method: ClassVar[str] = (
        "marks of chat templates, and phrases of 25 languages that override instructions, ask for hidden ones, send"
        " data away or set up a role without rules, also in comments and in base64; it knows phrases, not intent: one"
        " of five real jailbreaks passes"
    )
    rules: ClassVar[Mapping[str, AuditRule]] = {
        "prompt_injection": AuditRule(
            "warning",
            "https://genai.owasp.org/llmrisk/llm01-prompt-injection",
            "drop the example, unless its answer shows how to withstand this",
        )
    }
    defaults: ClassVar[Mapping[str, float]] = {"weak_signs": _MANY_WEAK}

    def see(self, row: AuditRow) -> Iterator[Hit]:
        """Judge every text but the instructions."""
        for text in row.texts:
            if text.role in ("system", "developer"):
                continue
            self.n_examined += 1
            if is_injection(text.text, weak_signs=int(self.thresholds["weak_signs"])):
                yield Hit("prompt_injection", "a text gives orders to the model that reads it", row, text.pointer)


def is_injection(text: str, *, weak_signs: int = _MANY_WEAK) -> bool:
    """Tell whether a text has a mark of a chat template, an override, or so many different weak signs.

    What it holds in base64 or hexadecimal, and in comments, is read, too.
    """
    if _TURNS.search(text) or _gives_orders(text):
        return True
    said = plain(text)
    if len(said) >= _SHORTEST_JAILBREAK and count_kinds("injection", "weak", said) >= weak_signs:
        return True
    return any(_TO_A_MODEL.search(hidden) or _gives_orders(hidden) for hidden in comments(text)) or any(
        _ADDRESSED.search(hidden) or _gives_orders(hidden) for hidden in disguised(text)
    )


def _gives_orders(text: str) -> bool:
    """Tell whether a text overrides, asks for what is hidden, or sets up a role that is freed of rules."""
    said = plain(text)
    if has_phrase("injection", "marker", said):
        return True
    return any(
        _FREED.search(said, max(match.start() - _NEAR, 0), match.end() + _NEAR) for match in _ROLE.finditer(said)
    )


_ROLE: Final = patterns("injection")["role"]
_FREED: Final = patterns("injection")["freed"]

CHECKS: Final[tuple[type[Check], ...]] = (Injections,)
