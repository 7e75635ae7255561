from __future__ import annotations

import io

import pytest

from finetune_kit.resources.job_progress import JobProgress, show_progress
from finetune_kit.resources.progress import bar, duration, open_display
from finetune_kit.types.jobs import Event, Job


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


RUNNING = Job(id="j", status="running")


def step(number: int, loss: float) -> Event:
    return Event(id=f"e{number}", data={"step": number, "total_steps": 10, "train_loss": loss})


def test_a_terminal_keeps_one_line_and_leaves_milestones_standing():
    stream = Terminal()
    display = open_display(stream)
    display.show("a long first line")
    display.show("short")
    display.show("done", milestone=True)
    display.close()
    assert stream.getvalue() == "\ra long first line\rshort            \rdone \n"


def test_a_log_file_gets_milestones_and_no_carriage_returns():
    stream = io.StringIO()
    display = open_display(stream)
    for number in range(100):
        display.show(f"step {number}")
    display.show("Checkpoint created", milestone=True)
    display.close()
    assert stream.getvalue() == "Checkpoint created\n"


def test_progress_tells_steps_loss_and_the_time_left():
    progress = JobProgress(RUNNING).after(RUNNING, [step(1, 2.0)], 10.0).after(RUNNING, [step(5, 1.0)], 18.0)
    assert (progress.step, progress.total_steps, progress.train_loss) == (5, 10, 1.0)
    assert progress.remaining_seconds == pytest.approx(10.0)
    assert str(progress) == "running  step 5/10 [##########..........]  loss 1.000  0:18  0:10 left"


def test_progress_without_steps_is_the_status_alone():
    assert str(JobProgress(RUNNING).after(RUNNING, [], 61.0)) == "running  1:01"


def test_messages_of_events_are_shown_and_metrics_are_not_repeated():
    stream = io.StringIO()
    message = Event(id="m", message="Files validated")
    show_progress(open_display(stream), JobProgress(RUNNING).after(RUNNING, [message, step(1, 2.0)], 1.0))
    assert stream.getvalue() == "Files validated\n"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (3599, "59:59"), (3661, "1:01:01")])
def test_durations_read_as_clocks_do(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(("done", "text"), [(0, "[....]"), (2, "[##..]"), (9, "[####]")])
def test_a_bar_is_never_longer_than_its_width(done, text):
    assert bar(done, 4, width=4) == text
