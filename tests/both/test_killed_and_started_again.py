"""A program that is killed anywhere and started again goes on with the file and the job it had."""

from __future__ import annotations

import json
import random
import subprocess
import sys

import pytest

from finetune_kit import Client

BLOCKING = """
from finetune_kit import Client, Dataset, SupervisedMethod
with Client("local", base_url={url!r}) as client:
    data = Dataset.read({path!r})
    job = client.tune(data, "scripted:smollm2-135m-instruct", method=SupervisedMethod(n_epochs=8, batch_size=1))
    print(job.id)
"""

AWAITED = """
import asyncio
from finetune_kit import AsyncClient, Dataset, SupervisedMethod
async def main():
    async with AsyncClient("local", base_url={url!r}) as client:
        data = Dataset.read({path!r})
        method = SupervisedMethod(n_epochs=8, batch_size=1)
        job = await client.tune(data, "scripted:smollm2-135m-instruct", method=method)
        print(job.id)
asyncio.run(main())
"""


@pytest.mark.parametrize("program", [BLOCKING, AWAITED])
def test_one_file_and_one_job_whenever_it_is_killed(program, local_server, tmp_path):
    path = tmp_path / "rows.jsonl"
    rows = [[{"role": "user", "content": f"{n}"}, {"role": "assistant", "content": f"{n}"}] for n in range(20)]
    path.write_text("".join(json.dumps({"messages": row}) + "\n" for row in rows))
    command = [sys.executable, "-c", program.format(url=local_server.base_url, path=str(path))]
    moments = random.Random(5)
    for _ in range(8):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            try:
                process.wait(moments.uniform(0.4, 1.6))
            except subprocess.TimeoutExpired:
                process.kill()
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    client = Client("local", base_url=local_server.base_url)
    assert [job.id for job in client.jobs.list()] == [done.stdout.strip()]
    assert len(list(client.files.list(purpose="fine-tune"))) == 1
    client.close()
