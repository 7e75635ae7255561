"""The rules of each provider, dated and sourced."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from finetune_kit.datasets.providers.profile import Basis, ModelRules, Profile
from finetune_kit.datasets.rules import RULES, MethodName

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["PROFILES"]

_OPENAI: Final = "https://platform.openai.com/docs/guides/supervised-fine-tuning"
_OPENAI_DPO: Final = "https://developers.openai.com/api/docs/guides/direct-preference-optimization"
_OPENAI_RFT: Final = "https://platform.openai.com/docs/guides/reinforcement-fine-tuning"
_OPENAI_END: Final = "https://developers.openai.com/api/docs/deprecations"
_LINES: Final = "OpenAI API description of 2025-07-04, the fine-tuning line schemas"
_FILES: Final = "https://platform.openai.com/docs/api-reference/files/create"
_AZURE: Final = "https://learn.microsoft.com/azure/foundry/openai/how-to/fine-tuning"
_AZURE_DPO: Final = (
    "https://learn.microsoft.com/azure/foundry-classic/openai/how-to/fine-tuning-direct-preference-optimization"
)
_NEBIUS: Final = "https://docs.tokenfactory.nebius.com/post-training/datasets"
_TOGETHER: Final = "https://docs.together.ai/docs/fine-tuning/data-preparation"
_TOGETHER_SDK: Final = "the package together 3.1.1, lib/constants.py"
_FIREWORKS: Final = "https://docs.fireworks.ai/fine-tuning/fine-tuning-models"
_FIREWORKS_DPO: Final = "https://docs.fireworks.ai/fine-tuning/dpo-fine-tuning"
_FIREWORKS_RFT: Final = "https://docs.fireworks.ai/fine-tuning/fine-tuning-via-api"
_FIREWORKS_SEES: Final = "https://docs.fireworks.ai/fine-tuning/fine-tuning-vlm"
_BEDROCK: Final = "https://docs.aws.amazon.com/bedrock/latest/userguide/rft-prepare-data-open-weight.html"
_CRUSOE: Final = "https://docs.crusoecloud.com/serverless-fine-tuning/fine-tune-a-model"
_LOCAL: Final = "finetune_kit.local.file_validation"

_REFUSED_BY_OPENAI: Final = tuple(rule for rule, each in RULES.items() if each.refused and rule != "n_examples")
# What makes a row no example at all, wherever rows of messages are asked for.
_NO_EXAMPLE: Final = (
    "utf8",
    "json",
    "json_several",
    "not_finite",
    "surrogate",
    "not_object",
    "missing_key",
    "messages",
    "message_type",
    "role",
    "output_message",
)
_GIGA: Final = 1_000_000_000


def _rules(source: str, rules: Iterable[str], *, verified: bool = True) -> dict[str, Basis]:
    return dict.fromkeys(rules, Basis(source, verified))


def _methods(**sources: str) -> Mapping[MethodName, Basis]:
    names: tuple[MethodName, ...] = ("supervised", "dpo", "reinforcement")
    return MappingProxyType({name: Basis(sources[name]) for name in names if name in sources})


def _model(
    pattern: str, *methods: MethodName, sees: bool | None = None, source: str = _OPENAI, closed: str | None = None
) -> ModelRules:
    return ModelRules(re.compile(pattern), methods, sees, Basis(source), closed)


_OPENAI_MODELS: Final = (
    _model(r"gpt-4\.1(-mini)?-2025-04-14", "supervised", "dpo", sees=False),
    _model(r"gpt-4\.1-nano-2025-04-14", "supervised", "dpo", sees=False, source=_OPENAI_END, closed="2026-10-23"),
    _model(r"gpt-4o-2024-08-06", "supervised", "dpo", sees=True),
    _model(r"gpt-4o-mini-2024-07-18", "supervised", "dpo", sees=False),
    _model(r"gpt-3\.5-turbo-0125", "supervised", sees=False, source=_OPENAI_END, closed="2026-10-23"),
    _model(r"o4-mini-2025-04-16", "reinforcement", sees=None, source=_OPENAI_END, closed="2026-10-23"),
)
_AZURE_MODELS: Final = (
    _model(r"gpt-4\.1(-mini|-nano)?-2025-04-14(\.ft-.+)?", "supervised", "dpo", source=_AZURE),
    _model(r"gpt-4o-2024-08-06(\.ft-.+)?", "supervised", "dpo", sees=True, source=_AZURE),
    _model(r"gpt-4o-mini-2024-07-18(\.ft-.+)?", "supervised", sees=False, source=_AZURE),
    _model(r"o4-mini-2025-04-16(\.ft-.+)?", "reinforcement", source=_AZURE),
)

_PROFILES: Final = (
    Profile(
        name="openai",
        title="OpenAI",
        formats=Basis(_LINES),
        methods=_methods(supervised=_OPENAI, dpo=_OPENAI_DPO, reinforcement=_OPENAI_RFT),
        refuses=_rules(_LINES, _REFUSED_BY_OPENAI)
        | _rules(_LINES, ("null_field",), verified=False)
        | _rules(_LINES, ("system_role",)),
        fewest=(10, Basis(_OPENAI)),
        most_bytes=(512 << 20, Basis(_FILES)),
        models=_OPENAI_MODELS,
        all_models=True,
        notes=(
            "jobs are taken until 2027-01-06, and only from organizations that have tuned before",
            "no model is left to tune by reinforcement since 2026-10-23",
        ),
    ),
    Profile(
        name="azure",
        title="Azure OpenAI, Microsoft Foundry",
        formats=Basis(_AZURE),
        methods=_methods(supervised=_AZURE, dpo=_AZURE_DPO, reinforcement=_AZURE),
        refuses=_rules(_AZURE, (rule for rule in _REFUSED_BY_OPENAI if rule not in ("bom", "output_message")))
        | _rules(_LINES, ("null_field",), verified=False),
        takes=_rules(_AZURE, ("bom",)),
        fewest=(10, Basis(_AZURE)),
        most_bytes=(512 << 20, Basis(_AZURE)),
        models=_AZURE_MODELS,
        notes=(
            "its guide asks for UTF-8 with a byte order mark; files without one have been taken, too",
            "gpt-4.1 and its kin are tuned for customers who did so before 2026-10-14 only",
        ),
    ),
    Profile(
        name="nebius",
        title="Nebius Token Factory",
        formats=Basis(_NEBIUS),
        methods=_methods(supervised=_NEBIUS),
        refuses=_rules(_NEBIUS, _NO_EXAMPLE)
        | _rules(_NEBIUS, ("last_message", "last_answer_call", "assistant_missing"))
        | _rules(_NEBIUS, ("bom", "duplicate_key"), verified=False),
        takes=_rules(_NEBIUS, ("legacy_format",)),
        most_bytes=(5 * _GIGA, Basis(_NEBIUS)),
        open_methods=MappingProxyType({"dpo": "its guide describes no format for preferences"}),
        notes=("send lora: true: without it the whole model is trained, which cannot be served without a server",),
    ),
    Profile(
        name="together",
        title="Together AI",
        formats=Basis(_TOGETHER),
        methods=_methods(supervised=_TOGETHER, dpo="https://docs.together.ai/docs/fine-tuning/preference-tuning"),
        refuses=_rules(_TOGETHER, (*_NO_EXAMPLE, "turns", "content_type", "weight"))
        | _rules(_TOGETHER_SDK, ("developer_role", "legacy_functions", "image_count", "image_size"))
        | _rules(_TOGETHER_SDK, ("image_remote", "bom"), verified=False),
        takes=_rules(_TOGETHER, ("legacy_format", "crlf", "blank_line")),
        fewest=(1, Basis(_TOGETHER_SDK)),
        most_bytes=(int(50.1 * (1 << 30)), Basis(_TOGETHER_SDK)),
    ),
    Profile(
        name="fireworks",
        title="Fireworks AI",
        formats=Basis(_FIREWORKS),
        methods=_methods(supervised=_FIREWORKS, dpo=_FIREWORKS_DPO, reinforcement=_FIREWORKS_RFT),
        refuses=_rules(_FIREWORKS, (*_NO_EXAMPLE, "developer_role"))
        | _rules(_FIREWORKS, ("system_not_first", "bom", "legacy_format", "legacy_functions"), verified=False)
        | _rules(_FIREWORKS_SEES, ("image_remote", "image_type", "image_webp")),
        fewest=(3, Basis(_FIREWORKS)),
        most=(3_000_000, Basis(_FIREWORKS)),
        notes=("rewards come from evaluators of its own: OpenAI's graders are not taken over",),
    ),
    Profile(
        name="bedrock",
        title="Amazon Bedrock (OpenAI protocol)",
        formats=Basis(_BEDROCK),
        methods=_methods(reinforcement=_BEDROCK),
        refuses=_rules(_BEDROCK, (*_NO_EXAMPLE, "reference_answer"))
        | _rules(_BEDROCK, ("prompt_last", "bom", "duplicate_key"), verified=False),
        takes=_rules(_BEDROCK, ("system_role",)),
        fewest=(100, Basis(_BEDROCK)),
        most=(20_000, Basis(_BEDROCK)),
        open_methods=MappingProxyType(
            {"supervised": "its guide describes reinforcement alone; samples speak of supervised tuning in passing"}
        ),
        notes=("rewards come from Lambda functions: OpenAI's graders are not taken over",),
    ),
    Profile(
        name="crusoe",
        title="Crusoe serverless fine-tuning",
        formats=Basis(_CRUSOE),
        methods=_methods(supervised=_CRUSOE),
        refuses=_rules(_CRUSOE, _NO_EXAMPLE) | _rules(_CRUSOE, ("bom", "duplicate_key"), verified=False),
        most_bytes=(3 * _GIGA, Basis(_CRUSOE)),
    ),
    Profile(
        name="local",
        title="the embedded server",
        formats=Basis(_LOCAL),
        methods=_methods(supervised=_LOCAL, dpo=_LOCAL, reinforcement=_LOCAL),
        refuses=_rules(_LOCAL, _REFUSED_BY_OPENAI),
        fewest=(10, Basis(_LOCAL)),
        notes=("the engine trl trains by supervised tuning; the other methods are for the engine scripted",),
    ),
)

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType({profile.name: profile for profile in _PROFILES})
"""Every provider's rules by its name."""
