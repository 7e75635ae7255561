"""Files: send training data once, find it again, read results."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from finetune_kit.errors import APIResponseValidationError, APIStatusError
from finetune_kit.resources.base import Resource
from finetune_kit.resources.paging import every
from finetune_kit.resources.target_file import whole_file
from finetune_kit.resources.upload_content import UploadContent, content_of
from finetune_kit.types.files import File
from finetune_kit.wire.call import Form
from finetune_kit.wire.modes import M, listing, operation
from finetune_kit.wire.once import once
from finetune_kit.wire.retry import ambiguous

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from finetune_kit.datasets import Dataset
    from finetune_kit.types.files import Deleted, Upload, UploadPart
    from finetune_kit.types.pages import Page

__all__ = ["PART_BYTES", "Files"]

PART_BYTES = 64 * 1024 * 1024
"""The most that one part of an upload may have, and above which a file is sent in parts."""

PARTS_AT_ONCE = 4


class Files(Resource[M]):
    """The files that a service holds."""

    @operation
    async def upload(
        self, source: Dataset | Path | str, *, purpose: str = "fine-tune", filename: str | None = None
    ) -> File:
        """Send a dataset or a file, unless the service has it already.

        Training data (purpose "fine-tune") is validated first. The name at the service
        carries the first digits of the content's SHA-256: a file that is there by that name
        and size is used again, and after a lost answer it is looked for, not sent twice.
        Above 64 MB it goes in parts, several at a time, each repeated on its own.

        Args:
            source: A dataset, or the path of a file.
            purpose: What the service may use it for: "fine-tune", "batch", "user_data", ….
            filename: What to call it, before the digits are added.

        Raises:
            FormatError, AuditError: The data has errors; nothing was sent.
            APIError: The service refused, or cannot be reached.
        """
        content = content_of(source, purpose=purpose, filename=filename)
        standing = await self._standing(content, purpose)
        if standing is not None:
            return standing
        find = partial(self._standing, content, purpose)
        if content.size_bytes > PART_BYTES and self._dialect.capabilities.uploads:
            return await self._send_in_parts(content, purpose)
        form = Form({"purpose": purpose}, "file", content.filename, content.whole(), "application/jsonl")
        act = partial(self._dialect.upload_file, self._send, form)
        return await once(self._io, act, find, what=f"the file {content.filename} was stored")

    @listing
    async def list(
        self, *, purpose: str | None = None, after: str | None = None, page_size: int = 1000
    ) -> AsyncGenerator[File, None]:
        """Iterate over files, newest first; `purpose` takes only those with it."""

        async def fetch(cursor: str | None) -> Page[File]:
            return await self._dialect.list_files(self._send, purpose=purpose, after=cursor, limit=page_size)

        async for file in every(fetch, after=after):
            if purpose is None or file.purpose in (purpose, None):
                yield file

    @operation
    async def retrieve(self, file: File | str) -> File:
        """Return what the service knows about a file."""
        return await self._dialect.retrieve_file(self._send, _id(file))

    @operation
    async def delete(self, file: File | str) -> Deleted:
        """Delete a file. There is no way back."""
        return await self._dialect.delete_file(self._send, _id(file))

    @operation
    async def content(self, file: File | str) -> bytes:
        """Return the bytes of a file, such as a job's results."""
        return await self._dialect.file_content(self._send, _id(file))

    @operation
    async def download(self, file: File | str, path: Path | str) -> Path:
        """Write the bytes of a file to a path, in flat memory; the path appears when it is whole.

        Raises:
            DatasetError: The path cannot be written.
        """
        with whole_file(Path(path)) as part:
            async for chunk in self._dialect.file_chunks(self._send, _id(file)):
                part.write(chunk)
        return Path(path)

    async def _standing(self, content: UploadContent, purpose: str) -> File | None:
        """Return the file that has this content already, if the service can say."""

        async def fetch(after: str | None) -> Page[File]:
            return await self._dialect.list_files(self._send, purpose=purpose, after=after, limit=1000)

        try:
            async for file in every(fetch):
                same = file.filename == content.filename and file.bytes in (content.size_bytes, None)
                if same and file.purpose in (purpose, None) and file.status != "error":
                    return file
        except APIStatusError as error:
            if ambiguous(error) or error.status_code not in (404, 405, 501):
                raise
        return None

    async def _send_in_parts(self, content: UploadContent, purpose: str) -> File:
        upload = await self._dialect.create_upload(
            self._send, filename=content.filename, purpose=purpose, size_bytes=content.size_bytes
        )
        digest = hashlib.md5(usedforsecurity=False)
        sent: list[UploadPart] = []
        for wave in _waves(content.parts(PART_BYTES), PARTS_AT_ONCE):
            for part in wave:
                digest.update(part)
            tasks = [partial(self._dialect.upload_part, self._send, upload.id, part) for part in wave]
            sent += await self._io.gather(tasks, limit=PARTS_AT_ONCE)
        parts = [part.id for part in sent]

        async def complete() -> Upload:
            return await self._dialect.complete_upload(self._send, upload.id, parts=parts, md5=digest.hexdigest())

        async def find() -> Upload | None:
            standing = await self._standing(content, purpose)
            return upload.model_copy(update={"file": standing}) if standing else None

        done = await once(self._io, complete, find, what=f"the file {content.filename} was stored")
        if done.file is None:
            message = f"The service completed upload {upload.id} without naming a file. Upload it again."
            raise APIResponseValidationError(message)
        return done.file


def _waves(parts: Iterable[bytes], size: int) -> Iterable[list[bytes]]:
    wave: list[bytes] = []
    for part in parts:
        wave.append(part)
        if len(wave) == size:
            yield wave
            wave = []
    if wave:
        yield wave


def _id(file: File | str) -> str:
    return file.id if isinstance(file, File) else file
