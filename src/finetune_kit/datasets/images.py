"""The rules for images in examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from finetune_kit.datasets.rules import MAX_IMAGE_BYTES, MAX_IMAGES, Problem
from finetune_kit.datasets.syntax import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["image_list_problems"]

_TYPES: Final = frozenset({"image/jpeg", "image/jpg", "image/png", "image/webp"})
_SUFFIXES: Final = (".bmp", ".gif", ".heic", ".svg", ".tif", ".tiff", ".pdf", ".avif")
# The bytes that pictures begin with, in base64: JPEG, PNG, and the RIFF of WEBP.
_STARTS: Final = ("/9j/", "iVBORw0KGgo", "UklGR")


def image_list_problems(messages: list[Any], pointer: str) -> Iterator[Problem]:
    """Yield what is wrong with the images of one example: how many, how large, of which type; note that it has some."""
    urls = [(here, url) for index, message in enumerate(messages) for here, url in _urls(message, f"{pointer}/{index}")]
    if not urls:
        return
    yield Problem("note_image", pointer, "")
    if len(urls) > MAX_IMAGES:
        yield Problem("image_count", pointer, f"has {len(urls)} images, at most {MAX_IMAGES} may be")
    for here, url in urls:
        yield from _url_problems(url, here)


def _urls(message: Any, pointer: str) -> Iterator[tuple[str, str]]:
    parts = message.get("content") if isinstance(message, dict) else None
    for index, part in enumerate(parts if isinstance(parts, list) else ()):
        image = part.get("image_url") if isinstance(part, dict) and part.get("type") == "image_url" else None
        if isinstance(image, dict) and isinstance(image.get("url"), str):
            yield f"{pointer}/content/{index}/image_url/url", image["url"]


def _url_problems(url: str, pointer: str) -> Iterator[Problem]:
    scheme, _, rest = url.partition(":")
    if scheme.lower() == "data":
        yield from _data_problems(rest, pointer)
    elif scheme.lower() not in ("http", "https") or not rest.startswith("//"):
        yield Problem("image_type", pointer, "the url of an image is neither http(s): nor data:")
    else:
        path = rest.partition("?")[0].lower()
        suffix = next((suffix for suffix in _SUFFIXES if path.endswith(suffix)), None)
        if suffix:
            yield Problem("image_type", pointer, f"the image is a {suffix} file, not JPEG, PNG or WEBP")


def _data_problems(rest: str, pointer: str) -> Iterator[Problem]:
    head, comma, body = rest.partition(",")
    media, *options = (part.strip().lower() for part in head.split(";"))
    if not comma or "base64" not in options:
        yield Problem("image_type", pointer, "the data: url of an image is not base64")
        return
    if media not in _TYPES:
        yield Problem("image_type", pointer, f"the image is of type {shown(media)}, not JPEG, PNG or WEBP")
    elif not body.startswith(_STARTS):
        yield Problem("image_type", pointer, "the bytes of the image are not those of JPEG, PNG or WEBP")
    size = len(body) * 3 // 4 - body[-2:].count("=")
    if size > MAX_IMAGE_BYTES:
        yield Problem("image_size", pointer, f"the image has {size:,} bytes, at most {MAX_IMAGE_BYTES:,} may be")
