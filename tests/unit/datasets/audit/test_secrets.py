from __future__ import annotations

import random
import string
from pathlib import Path

import pytest

from finetune_kit import Dataset

pytest.importorskip("kingfisher_sdk")

from finetune_kit.datasets.audit.secrets import find_secrets

DRAW = random.Random(7)


def made_up(length: int, letters: str = string.ascii_letters + string.digits) -> str:
    """Return a token that opens nothing; written out, it would alarm those who scan this file."""
    return "a1B" + "".join(DRAW.choice(letters) for _ in range(length - 3))


@pytest.mark.parametrize(
    "text",
    [
        "AKIA" + "Q3EGRZJ7TYNW5MLD",
        "gh" + "p_" + made_up(36),
        "gl" + "pat-" + made_up(20),
        "sk" + "-proj-" + made_up(48),
        "sk" + "_live_" + made_up(24),
        "h" + "f_" + made_up(34),
        "Authorization: Bearer " + made_up(40),
        "postgres://root:Tr0ub4dor@db:5432/app",
        "My password is Kx9!vbQ27.",
        "api_key = " + made_up(32),
        "Mein Passwort: Sommer#2024",
        "contraseña: Lluvia-88!x",
        "-----BEGIN " + "PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END " + "PRIVATE KEY-----",
        "newvendor_" + made_up(32),
    ],
)
def test_credentials_are_found(text: str) -> None:
    assert find_secrets(text)


@pytest.mark.parametrize(
    "text",
    [
        "I forgot my password, please help.",
        "Your password is incorrect.",
        "api_key = YOUR_API_KEY",
        "AKIA" + "IOSFODNN7EXAMPLE",
        "password: ********",
        "The token is valid until 2024-05-01.",
        "Ticket 550e8400-e29b-41d4-a716-446655440000 is open.",
        "The key is under the mat.",
        "The md5 is 9e107d9d372bb6826bd81d3542a419d6.",
        "token = os.environ['TOKEN']",
        "Call get_access_token(user_id) first.",
    ],
)
def test_talk_about_credentials_is_none(text: str) -> None:
    assert find_secrets(text) == []


def test_a_credential_is_an_error_that_does_not_quote_it() -> None:
    rows = [{"q": "My password is Kx9!vbQ27.", "a": "Do not tell me."}]
    report = Dataset.read(rows, user="q", assistant="a").audit(only={"secrets"})
    assert [f.severity for f in report.by_rule("secret")] == ["error"]
    assert "Kx9" not in str(report) + repr(report)


def test_real_dialogues_have_no_credentials(shared: Path) -> None:
    for name in ("sgd/train_chat_tools.jsonl", "shakespeare_style/chat.jsonl", "pubmedqa/train.jsonl"):
        path = shared / "data" / name
        data = Dataset.read(path) if "pubmed" not in name else Dataset.read(path).take(200)
        assert data.audit(only={"secrets"}).by_rule("secret") == ()
