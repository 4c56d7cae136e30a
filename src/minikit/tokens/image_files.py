"""Images to send: measured and checked where they lie, and read when they are sent."""

from __future__ import annotations

import binascii
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from minikit.errors import ArgumentError, SourceError
from minikit.tokens.image_formats import MediaType, check_still, media_type
from minikit.tokens.images import (
    count_image_tokens,
    image_bytes,
    image_size,
    most_image_tokens,
)
from minikit.tokens.messages import ImagePart

if TYPE_CHECKING:
    from pathlib import Path

    from minikit.models.model import Model
    from minikit.tokens.messages import Detail

__all__ = ["IMAGE_BYTES_AT_MOST", "IMAGE_SUFFIXES", "Image", "ImageSource", "read_images"]

ImageSource = str | bytes | os.PathLike[str]
"""A Path is a file, bytes are what a file holds, and a str is an http(s) or data: URL."""

IMAGE_BYTES_AT_MOST = 50_000_000
"""Bytes of one image.

OpenAI's guide "Images and vision" (read 2026-11-22) allows 512 MB a request. Until 2026-03 it said
50 MB, and in 2026-09 the server was still seen to hold to those.
"""

_SHOWN_CHARACTERS = 60
_FAULTS_TOLD = 20
IMAGE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jfif", ".webp", ".gif"),
    *(".tif", ".tiff", ".bmp", ".heic", ".heif", ".avif", ".jp2", ".jxl"),
)
"""What images in a folder are called: the formats that servers take, and those to be converted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that was measured, and can be read again when it is sent.

    Attributes:
        source: Where it is, or what it is.
        name: What it is called in results and errors: its path, its address without what may be
            secret there, or its number.
        media_type: Its format by its header; None at an address, where it was not looked at.
        size: Width and height in pixels; None at an address.
        size_bytes: Bytes of the file; 0 at an address, since those are not sent.
        digest: Hash of the file, or of the address.
        fault: Why it cannot be sent, or None; there is nothing to count then.
    """

    source: ImageSource = field(repr=False)
    name: str
    media_type: MediaType | None
    size: tuple[int, int] | None
    size_bytes: int
    digest: str = field(repr=False)
    fault: str | None = None

    @property
    def payload_bytes(self) -> int:
        """Bytes of the image in a request, in base64."""
        return -(-self.size_bytes // 3) * 4

    def count_tokens(self, model: Model, detail: Detail) -> int:
        """Count its input tokens; at an address the most that an image can take.

        Raises:
            ArgumentError: The model has no image rule.
        """
        if self.fault is not None:
            return 0
        if self.size is None:
            return most_image_tokens(model=model, detail=detail)
        return count_image_tokens(*self.size, model=model, detail=detail)

    def least_tokens(self, model: Model, detail: Detail) -> int:
        """Count its input tokens; at an address the fewest that an image can take."""
        if self.fault is not None:
            return 0
        return count_image_tokens(*(self.size or (1, 1)), model=model, detail=detail)

    def part(self, detail: Detail) -> ImagePart:
        """Read the image for a message. It blocks: call it from a worker thread.

        Raises:
            SourceError: The file is not what was measured any more.
        """
        if self.media_type is None:
            return ImagePart(url=cast("str", self.source), detail=detail)
        data = _read(self.source, self.name)
        if _digest(data) != self.digest:
            raise SourceError(f"{self.name!r} has changed since it was measured; begin again")
        base64 = binascii.b2a_base64(data, newline=False).decode()
        return ImagePart(url=f"data:{self.media_type};base64,{base64}", detail=detail)


def read_images(
    sources: ImageSource | Sequence[ImageSource], *, keeps_faulty: bool = False
) -> tuple[Image, ...]:
    """Measure and check images, one or several. It blocks: call it from a worker thread.

    The format is told from the first bytes of a file, whatever it is called. Nothing is decoded,
    and what is held in memory is one file at a time.

    Args:
        sources: A Path, bytes, or a str that is an http(s) or data: URL; or a list of them. A
            folder stands for the images in it.
        keeps_faulty: Whether to keep one that cannot be sent, with its fault, where others can.

    Raises:
        SourceError: One is missing, cut off, damaged, animated, too large, or no PNG, JPEG, WEBP
            or GIF; the message says which, what it is, and the way out. Of several it names all.
        ArgumentError: There is none, or one is of another type.
    """
    if isinstance(sources, str | bytes | bytearray | memoryview | os.PathLike):
        sources = [cast("ImageSource", sources)]
    if not isinstance(cast("object", sources), Sequence):
        raise ArgumentError(
            f"an image is a Path, bytes, or a str that is an http(s) or data: URL, or a list of "
            f"them, not {type(sources).__name__}"
        )
    if not sources:
        raise ArgumentError("the list of images is empty; name at least one")
    each = [part for source in sources for part in _in_folder(source)]
    images = tuple(_checked(source, number) for number, source in enumerate(each, start=1))
    faults = [image.fault for image in images if image.fault is not None]
    if faults and not (keeps_faulty and len(faults) < len(images)):
        raise SourceError(_all_told(faults))
    return images


def _all_told(faults: Sequence[str]) -> str:
    if len(faults) == 1:
        return faults[0]
    lines = [f"{len(faults):,} images cannot be sent:", *faults[:_FAULTS_TOLD]]
    more = len(faults) - _FAULTS_TOLD
    return "\n".join([*lines, *([f"... and {more:,} more"] if more > 0 else [])])


def _in_folder(source: ImageSource) -> list[ImageSource]:
    """Return the images of a folder by name, those that no server takes among them; else itself."""
    if not isinstance(source, os.PathLike):
        return [source]
    try:
        names = sorted(os.scandir(source), key=lambda entry: entry.name)
    except (OSError, ValueError):  # it is no folder, or what is wrong is told when it is read
        return [source]
    folder = _path(source)
    found = [folder / os.fsdecode(each.name) for each in names if each.is_file()]
    images = [each for each in found if each.suffix.lower() in IMAGE_SUFFIXES]
    if not images:
        raise SourceError(
            f"the folder {os.fsdecode(source)!r} holds no images, told by their names: "
            f"{', '.join(IMAGE_SUFFIXES)}"
        )
    return [*images]


def _checked(source: object, number: int) -> Image:
    kept, name = _named(source, number)
    try:
        return _measured(kept, name)
    except SourceError as error:
        return Image(
            source=b"",
            name=name,
            media_type=None,
            size=None,
            size_bytes=0,
            digest="",
            fault=str(error),
        )


def _measured(source: ImageSource, name: str) -> Image:
    if isinstance(source, str) and not _is_data(source):
        digest = _digest(source.encode())
        return Image(
            source=source, name=name, media_type=None, size=None, size_bytes=0, digest=digest
        )
    data = _read(source, name)
    kind = media_type(data, name)
    try:
        size = image_size(data)
    except ArgumentError as error:
        raise SourceError(f"{name!r} cannot be measured: {error}") from error
    check_still(data, kind, name)
    kept = source if _can_be_read_again(source) else data
    return Image(
        source=kept,
        name=name,
        media_type=kind,
        size=size,
        size_bytes=len(data),
        digest=_digest(data),
    )


def _digest(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def _named(source: object, number: int) -> tuple[ImageSource, str]:
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(cast("bytes", source)), f"image {number}"
    if isinstance(source, os.PathLike):
        path = cast("os.PathLike[str]", source)
        return path, os.fsdecode(path).encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    if not isinstance(source, str):
        raise ArgumentError(
            f"image {number} is of type {type(source).__name__}; an image is a Path, bytes, or a "
            f"str that is an http(s) or data: URL"
        )
    if _is_data(source):
        return source, f"image {number}"
    return source, _address(source, number)


def _is_data(url: str) -> bool:
    return url[:5].lower() == "data:"


def _address(url: str, number: int) -> str:
    """Return what an address is called: its host and path, without user, password and query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    is_plain = url.isprintable() and " " not in url
    if parts.scheme.lower() not in ("http", "https"):
        raise SourceError(
            f"image {number} is the str {_shown(url)}, which is no http(s) or data: URL; a file is "
            f"named with a Path: Path({_shown(url)})"
        )
    if not (parts.hostname and is_plain):
        raise SourceError(f"image {number} has no usable address: {_shown(url.partition('?')[0])}")
    return f"{parts.hostname}{parts.path}"[:_SHOWN_CHARACTERS]


def _shown(text: str) -> str:
    return ascii(text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}...")


def _read(source: ImageSource, name: str) -> bytes:
    if isinstance(source, bytes):
        data = source
    elif isinstance(source, str):
        data = _unpacked(source, name)
    else:
        data = _file(_path(source), name)
    if len(data) > IMAGE_BYTES_AT_MOST:
        raise SourceError(
            f"{name!r} is larger than the {IMAGE_BYTES_AT_MOST:,} bytes that a request may hold; "
            f"scale it down, for example: magick FILE -resize 2048x2048 small.jpg"
        )
    return data


def _unpacked(url: str, name: str) -> bytes:
    try:
        return image_bytes(url)
    except ArgumentError as error:
        raise SourceError(f"{name!r} cannot be read: {error}") from error


def _can_be_read_again(source: ImageSource) -> bool:
    """Tell a file from a pipe, which gives what it holds once."""
    return isinstance(source, str | bytes) or _path(source).is_file()


def _path(source: os.PathLike[str]) -> Path:
    from pathlib import Path

    return Path(os.fsdecode(source))


def _file(path: Path, name: str) -> bytes:
    """Read a file, but no more of it than is needed to know that it is too large."""
    try:
        if path.is_char_device() or path.is_block_device():
            raise SourceError(f"{name!r} is a device, not an image")
        with path.open("rb") as file:
            return file.read(IMAGE_BYTES_AT_MOST + 1)
    except FileNotFoundError as error:
        raise SourceError(f"no such image: {name!r}") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise SourceError(f"cannot read {name!r}: {error}") from error
