"""House rules that no linter knows."""

from __future__ import annotations

import ast
import importlib
import re
import tokenize
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src"
MODULES = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(SOURCE.rglob("*.py"))
}
# A program exports nothing, and importing it may start it.
IMPORTABLE = [name for name in MODULES if not name.endswith("__main__")]
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
VAGUE = {"utils", "helpers", "common", "core", "manager"}


def parsed(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def exported(module: str) -> list[str]:
    return list(getattr(importlib.import_module(module), "__all__", []))


@pytest.mark.parametrize("module", MODULES)
def test_a_module_says_what_it_is_for(module: str) -> None:
    assert ast.get_docstring(parsed(module))


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_left_unfinished(module: str) -> None:
    with tokenize.open(MODULES[module]) as source:
        said = [token.string for token in tokenize.generate_tokens(source.readline) if token.type != tokenize.STRING]
    # Strings are left out: an audit names the notes that it looks for.
    assert UNFINISHED.search("\n".join(said)) is None


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_a_noun_of_the_field(module: str) -> None:
    assert VAGUE.isdisjoint(module.split("."))


@pytest.mark.parametrize("module", MODULES)
def test_no_broad_except_is_silent(module: str) -> None:
    silent = [
        node.lineno
        for node in ast.walk(parsed(module))
        if isinstance(node, ast.ExceptHandler)
        and isinstance(node.type, ast.Name)
        and node.type.id in {"Exception", "BaseException"}
        and all(isinstance(statement, ast.Pass | ast.Continue) for statement in node.body)
    ]
    assert silent == []


@pytest.mark.parametrize("module", IMPORTABLE)
def test_exported_names_exist_once(module: str) -> None:
    names = exported(module)
    assert [name for name in names if not hasattr(importlib.import_module(module), name)] == []
    assert len(set(names)) == len(names)


def test_every_public_name_of_the_kit_explains_itself() -> None:
    kit = importlib.import_module("finetune_kit")
    silent = [name for name in kit.__all__ if name != "__version__" and not getattr(kit, name).__doc__]
    assert silent == []
