"""The Python of the README and of the documentation runs, against the embedded server with the scripted engine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from finetune_kit.local import LocalServer

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)(?P<target>[^)#\s]+)")
SCRIPTED = 'engine="scripted"'
LOCAL = re.compile(r"Client\.local\((?P<arguments>[^()]*)\)")


def named(page: Path) -> str:
    return page.relative_to(REPOSITORY).as_posix()


def snippets(page: Path) -> list[tuple[int, str]]:
    """Return the Python of a page with the lines that it begins on."""
    text = page.read_text(encoding="utf-8")
    found = [match for match in FENCE.finditer(text) if match["language"] == "python"]
    return [(text.count("\n", 0, match.start("code")), match["code"]) for match in found]


def scripted(code: str) -> str:
    """Return the code with the embedded server's engine exchanged for the one that only pretends."""

    def exchange(call: re.Match[str]) -> str:
        given = [argument for argument in call["arguments"].split(", ") if argument]
        return f"Client.local({', '.join([*given, SCRIPTED])})" if SCRIPTED not in given else call[0]

    return LOCAL.sub(exchange, code)


@pytest.fixture
def workplace(tmp_path: Path, local_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with the examples in it, and an environment in which every provider is the embedded server."""
    (tmp_path / "examples").symlink_to(REPOSITORY / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "opens-nothing")
    for name in ("OPENAI_BASE_URL", "FINETUNE_KIT_BASE_URL", "FINETUNE_KIT_LOCAL_BASE_URL"):
        monkeypatch.setenv(name, local_server.base_url)
    return tmp_path


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize("page", [page for page in PAGES if snippets(page)], ids=named)
def test_the_examples_of_a_page_run_one_after_the_other(page: Path) -> None:
    namespace: dict[str, object] = {"__name__": "__main__"}
    for line, code in snippets(page):
        exec(compile("\n" * line + scripted(code), str(page), "exec"), namespace)  # noqa: S102 - our own pages


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    targets = [match["target"] for match in LINK.finditer(page.read_text(encoding="utf-8"))]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "README.md"], ids=named)
def test_every_page_is_in_the_navigation(page: Path) -> None:
    target = page.relative_to(REPOSITORY / "docs").as_posix()
    assert f'"{target}"' in (REPOSITORY / "zensical.toml").read_text(encoding="utf-8")


def test_every_page_of_the_navigation_exists() -> None:
    pages = re.findall(r'= "([\w/-]+\.md)"', (REPOSITORY / "zensical.toml").read_text(encoding="utf-8"))
    assert [page for page in pages if not (REPOSITORY / "docs" / page).is_file()] == []


def test_the_readme_names_the_two_commands() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert "make demo" in readme
    assert "make test" in readme
