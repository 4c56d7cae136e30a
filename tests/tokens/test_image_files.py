"""Images are measured and checked where they lie, and read again when they are sent."""

from __future__ import annotations

import base64
import os
import sys
import threading
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikit.errors import ArgumentError, SourceError
from minikit.models.model import Model
from minikit.tokens import image_files
from minikit.tokens.image_files import Image, ImageSource, read_images
from minikit.tokens.messages import ImagePart
from pictures import animated_gif, data_url, gif, jpeg, png, webp
from strategies import texts

MINI = Model.resolve("gpt-4o-mini")
FORMATS = {
    "image/png": png(1024, 512),
    "image/jpeg": jpeg(1024, 512),
    "image/gif": gif(1024, 512),
    "image/webp": webp(1024, 512),
}


@pytest.mark.parametrize("kind", list(FORMATS))
def test_files_bytes_and_urls_are_images(kind: str, tmp_path: Path) -> None:
    """The format is that of the header, whatever the file or the URL says."""
    data = FORMATS[kind]
    file = tmp_path / "photo.txt"
    file.write_bytes(data)
    url = data_url(data, kind)
    mistaken = data_url(data, "IMAGE/x-icon").replace("data:", "DATA:")
    sources: list[Any] = [file, data, bytearray(data), memoryview(data), url, mistaken]
    images = read_images(sources)
    names = [str(file), *(f"image {number}" for number in range(2, 7))]
    assert [image.name for image in images] == names
    for image, source in zip(images, sources, strict=True):
        assert read_images(source)[0].size == image.size == (1024, 512)
        assert (image.media_type, image.size_bytes) == (kind, len(data))
        assert image.payload_bytes == len(base64.b64encode(data))
        assert image.part("low") == ImagePart(url=url, detail="low")
        assert image.count_tokens(MINI, "low") == 2_833
        assert image.count_tokens(MINI, "high") == 2_833 + 2 * 5_667


def test_an_address_is_sent_as_it_is() -> None:
    """It is not looked at, and counts as the dearest image that there is."""
    url = "https://ann:secret@example.org:8080/cats/one.png?token=secret#top"
    (image,) = read_images(url)
    assert image.part("auto") == ImagePart(url=url)
    assert image.name == "example.org/cats/one.png"
    assert "secret" not in repr(image)
    assert (image.media_type, image.size, image.payload_bytes) == (None, None, 0)
    assert image.count_tokens(MINI, "auto") == 2_833 + 8 * 5_667
    assert image.count_tokens(MINI, "low") == 2_833
    assert image.count_tokens(Model.resolve("gpt-4.1-mini"), "high") == 2_489


def test_a_long_address_is_shown_short() -> None:
    """Names stand in tables and errors."""
    (image,) = read_images("HTTP://example.org/" + "a" * 900)
    assert len(image.name) == 60


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("cat.png", r"is the str 'cat.png', which is no http.* named with a Path: Path\('cat.png'"),
        ("file:///cat.png", r"is the str 'file:///cat.png', which is no http"),
        ("", r"image 1 is the str '', which is no http"),
        ("a" * 999, r"is the str 'a{60}...', which"),
        ("\ud800", r"is the str '\\ud800', which"),
        ("http://[", r"which is no http"),
        ("https://", r"image 1 has no usable address: 'https://'"),
        ("https:///cat.png?key=k", r"has no usable address: 'https:///cat.png'"),
        ("https://example.org/a cat.png", r"has no usable address"),
        ("https://example.org/\ud800.png", r"has no usable address"),
        ("data:image/png,raw", r"'image 1' cannot be read: a data URL of an image begins with"),
        ("data:image/png;base64,a", r"'image 1' cannot be read: .* does not hold whole base64"),
        (data_url(b"%PDF-1.7"), r"'image 1' is a PDF"),
        (b"", r"'image 1' is empty \(0 bytes\)"),
        (animated_gif(), r"'image 1' is an animated GIF"),
        (png()[:-1], r"'image 1' is cut off or damaged"),
        (png(0, 5), r"'image 1' cannot be measured: the image says that it is 0 x 5 pixels"),
        (Path(), r"the folder '\.' holds no images, told by their names: \.png, "),
        (Path("missing.png"), r"no such image: 'missing.png'"),
        (Path("a\0b"), r"cannot read 'a\\x00b': "),
        (Path("\ud800.png"), r"cannot read '.+\.png': "),
        (Path("/dev/zero"), r"'/dev/zero' is a device, not an image"),
    ],
)
def test_what_is_no_image_is_refused(source: Any, message: str) -> None:  # noqa: ANN401
    """Each has an error that says which it is and what is wrong with it."""
    with pytest.raises(SourceError, match=message):
        read_images(source)


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        (None, r"an image is a Path, bytes, .* or a list of them, not NoneType"),
        (7, r"not int"),
        ({Path("a.png")}, r"not set"),
        ([], r"the list of images is empty"),
        ([png(), None], r"image 2 is of type NoneType; an image is a Path"),
    ],
)
def test_another_type_is_refused(sources: Any, message: str) -> None:  # noqa: ANN401
    """The error names the types that there are."""
    with pytest.raises(ArgumentError, match=message):
        read_images(sources)


def test_a_folder_is_the_images_in_it(tmp_path: Path) -> None:
    """By name, those among them that no server takes; other files are none of its business."""
    for name in ("b.JPG", "a.png", ".c.gif", "notes.txt"):
        (tmp_path / name).write_bytes(png())
    (tmp_path / "d.png").mkdir()
    images = read_images([png(), tmp_path])
    assert [Path(image.name).name for image in images] == ["image 1", ".c.gif", "a.png", "b.JPG"]
    (tmp_path / "e.tif").write_bytes(b"II*\0")
    with pytest.raises(SourceError, match=r"e\.tif' is a TIFF"):
        read_images(tmp_path)


def test_all_that_cannot_be_sent_is_named(tmp_path: Path) -> None:
    """In one error; among others that can be sent it may be kept, with what is wrong with it."""
    faulty: list[ImageSource] = [b"", tmp_path / "gone.png", animated_gif()]
    with pytest.raises(SourceError) as caught:
        read_images([png(), *faulty])
    first, *faults = str(caught.value).splitlines()
    assert first == "3 images cannot be sent:"
    assert len(faults) == 3
    kept = read_images([png(), *faulty], keeps_faulty=True)
    assert [image.fault for image in kept] == [None, *faults]
    model = Model.resolve("gpt-4o-mini")
    assert [image.count_tokens(model, "auto") for image in kept] == [8_500, 0, 0, 0]
    assert [image.least_tokens(model, "auto") for image in kept] == [8_500, 0, 0, 0]
    with pytest.raises(SourceError, match=r"^30 images cannot be sent:(.|\n)*and 10 more$"):
        read_images([b""] * 30, keeps_faulty=True)
    with pytest.raises(SourceError, match=r"image 2 is the str 'a.png'"):
        read_images([png(), "a.png"], keeps_faulty=True)


def test_too_large_a_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    """The limit is told, and a way to make the image smaller."""
    file = tmp_path / "huge.png"
    with file.open("wb") as opened:
        opened.truncate(10 * image_files.IMAGE_BYTES_AT_MOST)
    with pytest.raises(SourceError, match=r"huge.png' is larger than the 50,000,000 bytes .*scale"):
        read_images(file)


def test_a_file_that_changes_is_not_sent(tmp_path: Path) -> None:
    """What was counted and priced is what is sent."""
    file = tmp_path / "a.png"
    file.write_bytes(png(10, 10))
    (image,) = read_images(file)
    file.write_bytes(png(2000, 2000))
    with pytest.raises(SourceError, match=r"a.png' has changed since it was measured"):
        image.part("auto")
    file.unlink()
    with pytest.raises(SourceError, match=r"no such image"):
        image.part("auto")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes")
def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    """What came through it is kept, since it cannot be read again."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(png(3, 4),))
    writer.start()
    (image,) = read_images(pipe)
    writer.join()
    assert image.size == (3, 4)
    assert image.part("auto").url == data_url(png(3, 4))


def test_a_path_of_bytes_is_a_path(tmp_path: Path) -> None:
    """As `os.scandir` of bytes gives them."""
    (tmp_path / "a.png").write_bytes(png())
    (entry,) = os.scandir(os.fsencode(tmp_path))
    (image,) = read_images(cast("Any", entry))
    assert image.name == str(tmp_path / "a.png")


@given(
    st.one_of(
        st.binary(max_size=60),
        texts(3),
        st.just("https://").flatmap(lambda start: texts(2).map(lambda rest: start + rest)),
    )
)
def test_whatever_comes_is_an_image_or_a_clear_error(source: str | bytes) -> None:
    """Nothing but SourceError, and no error repeats the whole of what it is about."""
    try:
        (image,) = read_images(source)
    except SourceError as error:
        assert len(str(error)) < 900  # noqa: PT017 - most examples are no images
    else:
        assert isinstance(image, Image)
