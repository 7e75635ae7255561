"""Who may use an embedded server."""

from __future__ import annotations

import httpx
import openai
import pytest

from finetune_kit.local import LocalServer

KEY = "sk-local-correct"


@pytest.fixture(scope="module")
def server(_guarded_session):
    with LocalServer(engine="scripted", api_key=KEY) as server:
        yield server


def test_the_right_key_is_let_in(official_at, server):
    assert list(official_at(server.base_url, api_key=KEY).api.models.list())


@pytest.mark.parametrize("key", ["sk-local-wrong", KEY[:-1], KEY + "x"])
def test_a_wrong_key_is_refused_without_being_repeated(official_at, server, key):
    with pytest.raises(openai.AuthenticationError) as caught:
        official_at(server.base_url, api_key=key).api.models.list()
    assert caught.value.code == "invalid_api_key"
    assert KEY[:-1] not in str(caught.value)


@pytest.mark.parametrize("header", [{}, {"authorization": KEY}, {"authorization": "Bearer \xff"}])
def test_a_missing_or_odd_key_is_refused(raw, header):
    headers = {name: value.encode("latin-1") for name, value in header.items()}
    assert raw.get("/models", headers=headers).status_code == 401


def test_a_refused_upload_still_gets_its_answer(server):
    answer = httpx.post(f"{server.base_url}/files", files={"file": ("a", b"x" * 5_000_000)}, timeout=30)
    assert answer.status_code == 401


def test_a_server_without_a_key_takes_any(official_at, local_server):
    assert list(official_at(local_server.base_url, api_key="whatever").api.models.list())
