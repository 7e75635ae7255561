from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

import pytest

from finetune_kit.errors import LocalServerError
from finetune_kit.local.pages import Window
from finetune_kit.local.store import Store

DAY = 24 * 3600


@dataclass
class Clock:
    seconds: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def now():
    return Clock()


@pytest.fixture
def store(tmp_path, now):
    store = Store(tmp_path, now=now)
    yield store
    store.close()


def keep(store: Store, content: bytes = b"x", **options):
    temporary = store.files.temporary_path()
    temporary.write_bytes(content)
    return store.files.keep(temporary, filename="a", purpose="fine-tune", **options)


def test_a_file_is_gone_when_its_time_is_over(store, now):
    file = keep(store, keep_seconds=DAY)
    now.seconds += DAY - 1
    assert store.files.get(file.id) == file
    now.seconds += 1
    assert store.files.get(file.id) is None
    assert store.files.page(Window(10), None).rows == ()


def test_the_bytes_of_an_expired_file_are_freed(store, now):
    file = keep(store, keep_seconds=DAY)
    now.seconds += DAY
    store.files.delete_expired()
    assert not file.path.exists()


def test_an_upload_expires_after_an_hour(store, now):
    upload = store.uploads.create(filename="a", purpose="batch", size=1, keep_seconds=None)
    now.seconds += 3600
    assert store.uploads.get(upload.id).status == "expired"


def test_bytes_that_no_file_owns_are_swept_at_the_next_start(tmp_path, now):
    store = Store(tmp_path, now=now)
    kept = keep(store)
    (tmp_path / "files" / "file-half").write_bytes(b"x")
    (tmp_path / "temporary" / "half").write_bytes(b"x")
    store.close()
    store = Store(tmp_path, now=now)
    assert [path.name for path in (tmp_path / "files").iterdir()] == [kept.id]
    assert list((tmp_path / "temporary").iterdir()) == []
    store.close()


def test_what_fails_inside_a_transaction_leaves_nothing(store):
    def fail_half_way() -> None:
        with store.transaction():
            store.events.say("ftjob-1", "hello")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert store.events.page("ftjob-1", Window(10)).rows == ()


def test_an_event_with_a_key_is_kept_once_for_its_job(store):
    for job in ("ftjob-1", "ftjob-1", "ftjob-2"):
        store.events.measure(job, "Step 1/2", {"step": 1})
    assert len(store.events.page("ftjob-1", Window(10)).rows) == 1
    assert len(store.events.page("ftjob-2", Window(10)).rows) == 1


def test_a_pruned_checkpoint_frees_its_directory(store, tmp_path):
    for step in (1, 2, 3, 4):
        adapter = tmp_path / "jobs" / "ftjob-1" / f"step-{step}"
        adapter.mkdir(parents=True)
        store.models.add_checkpoint("ftjob-1", "ft:m", step, {"step": step}, adapter)
    assert sorted(path.name for path in (tmp_path / "jobs" / "ftjob-1").iterdir()) == ["step-2", "step-3", "step-4"]


def test_a_directory_can_be_moved_with_its_models(tmp_path, now):
    adapter = tmp_path / "old" / "jobs" / "ftjob-1" / "final"
    store = Store(tmp_path / "old", now=now)
    adapter.mkdir(parents=True)
    store.models.add("ft:m", "ftjob-1", "base", adapter)
    store.close()
    (tmp_path / "old").rename(tmp_path / "new")
    store = Store(tmp_path / "new", now=now)
    assert store.models.get("ft:m").adapter == tmp_path / "new" / "jobs" / "ftjob-1" / "final"
    store.close()


def test_the_lock_of_a_killed_server_is_free(tmp_path):
    program = (
        "import json, os, pathlib, sys; from finetune_kit.local.store import Store\n"
        "Store(pathlib.Path(json.loads(sys.argv[1]))); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", program, json.dumps(str(tmp_path))], check=False, timeout=30)
    Store(tmp_path).close()


def test_a_directory_in_which_nothing_can_be_made_is_refused_and_let_go(tmp_path):
    (tmp_path / "files").write_text("in the way")
    with pytest.raises(LocalServerError, match="cannot be used"):
        Store(tmp_path)
    (tmp_path / "files").unlink()
    Store(tmp_path).close()
