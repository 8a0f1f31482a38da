"""Read and write labelled candidates as TFRecord files in AstroNet's layout, without TensorFlow.

A file is a sequence of frames. A frame holds four parts, little-endian: the length of the record
(uint64), the masked CRC32C of that length (uint32), the bytes of the record, and the masked CRC32C
of these bytes (uint32). The record is a serialized ``tf.train.Example`` (`example`). Source:
TensorFlow's ``core/lib/io/record_writer.h``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import google_crc32c
import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from kepler_lens.classify.example import Example, Writable, encode
from kepler_lens.errors import KeplerLensError

GLOBAL_LENGTH, LOCAL_LENGTH = 2001, 201
"""Bins of a global and of a local view (Shallue and Vanderburg 2018, AJ 155, 94, section 3.3)."""

VIEWS: dict[str, int] = {
    "global_view": GLOBAL_LENGTH,
    "local_view": LOCAL_LENGTH,
    "local_view_odd": LOCAL_LENGTH,
    "local_view_even": LOCAL_LENGTH,
    "secondary_view": LOCAL_LENGTH,
    "local_view_half_period": LOCAL_LENGTH,
    "global_view_double_period": GLOBAL_LENGTH,
}
"""Name of each view to its number of bins. A record may lack any of them."""

VIEW_LENGTHS: dict[str, int] = VIEWS | {f"{name}_scatter": n for name, n in VIEWS.items()}
"""Name of each view, and of the scatter in its bins, to the number of bins."""

Values: TypeAlias = NDArray[np.float32] | NDArray[np.int64] | tuple[bytes, ...]

_HEAD, _FOOT = struct.Struct("<QI"), struct.Struct("<I")
_MASK_DELTA = 0xA282EAD8
"""Constant of TensorFlow's masking. The CRC of bytes that contain CRCs is weak, so TensorFlow
rotates each CRC and adds this number."""


class RecordError(KeplerLensError):
    """A file of records is damaged, or is no such file.

    Parameters
    ----------
    file : str
        Name of the file, as the user knows it.
    offset : int
        Byte of the file at which the record begins.
    number : int
        Zero-based number of the record in the file.
    reason : str
        What is wrong with the record, and what to do.
    """

    def __init__(self, file: str, offset: int, number: int, reason: str) -> None:
        # Python pickles an exception by its arguments, and workers send theirs to the driver.
        super().__init__(file, offset, number, reason)
        self.file = file
        self.offset = offset
        self.number = number
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.file}: record {self.number} at byte {self.offset} {self.reason}"


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One labelled candidate, as a file holds it.

    Attributes
    ----------
    file : str
        Name of the file.
    offset : int
        Byte of the file at which the record begins.
    number : int
        Zero-based number of the record in the file.
    values : dict
        Name of each feature to its values: float32[n], int64[n] or a tuple of bytes.
    """

    file: str
    offset: int
    number: int
    values: dict[str, Values]

    def view(self, name: str) -> NDArray[np.float32] | None:
        """Return a view (float32[length]); None where the record has none.

        `read_records` has checked that its length is that of `VIEW_LENGTHS` and its values are
        finite.
        """
        values = self.values.get(name)
        if not isinstance(values, np.ndarray) or not values.size:
            return None
        return values.astype(np.float32, copy=False)

    def number_of(self, name: str) -> float:
        """Return a feature that is a single number; NaN where the record lacks the feature.

        Raises
        ------
        RecordError
            The feature is not a single number.
        """
        values = self.values.get(name)
        if values is None or len(values) == 0:
            return float("nan")
        if isinstance(values, tuple) or len(values) != 1:
            raise self.error(f"has no single number as {name}: {_REPLACE}")
        return float(values[0])

    def integer(self, name: str) -> int:
        """Return a feature that is a single integer.

        Raises
        ------
        RecordError
            The record lacks the feature, or the feature is not a single integer.
        """
        values = self.values.get(name)
        if not isinstance(values, np.ndarray) or values.dtype != np.int64 or len(values) != 1:
            raise self.error(f"has no integer {name}: {_REPLACE}")
        return int(values[0])

    def text(self, name: str) -> str | None:
        """Return a feature that is a single text; None where the record lacks the feature.

        Raises
        ------
        RecordError
            The feature is not a single text, or is not UTF-8.
        """
        values = self.values.get(name)
        if values is None or len(values) == 0:
            return None
        if not isinstance(values, tuple) or len(values) != 1:
            raise self.error(f"has no single text as {name}: {_REPLACE}")
        try:
            return values[0].decode()
        except UnicodeDecodeError:
            raise self.error(f"has no text as {name}: {_REPLACE}") from None

    def error(self, reason: str) -> RecordError:
        """Make an error that names the file, the byte and the number of this record."""
        return RecordError(self.file, self.offset, self.number, reason)


_REPLACE = "get the file again, or make it anew."


def read_records(
    path: str | Path,
    names: Collection[str] | None = None,
    *,
    on_cut: Callable[[RecordError], None] | None = None,
) -> Iterator[Record]:
    """Read the records of a file and check each of them.

    Parameters
    ----------
    path : str or Path
    names : collection of str, optional
        Features to read of each record; by default all. AstroNet's records have 157 features, of
        which a training needs 14.
    on_cut : callable, optional
        Called with the error if the file ends in the middle of a record; reading then ends after
        the intact records. By default the error is raised, so that a lost part of a data set is
        noticed.

    Yields
    ------
    Record

    Raises
    ------
    RecordError
        A byte is damaged, the file is cut, it holds no records, or a view does not fit its name
        (`VIEW_LENGTHS`). The sentence names the file, the byte, the record, and what to do.
    """
    name = str(path)
    with Path(path).open("rb") as file:
        for number, (offset, content) in enumerate(_frames(file, name, on_cut)):
            yield _record(name, offset, number, content, names)


def contents(path: str | Path) -> Iterator[bytes]:
    """Yield the serialized bytes of each record; only their checksums are checked.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    RecordError
        A checksum is wrong, or the file is cut.
    """
    with Path(path).open("rb") as file:
        for _, content in _frames(file, str(path), None):
            yield content


def count_records(path: str | Path) -> int:
    """Count the records of a file by their length fields; a damaged file may hold fewer."""
    count = 0
    with Path(path).open("rb") as file:
        end = file.seek(0, 2)
        at = file.seek(0)
        while at + _HEAD.size <= end:
            length, _ = _HEAD.unpack(file.read(_HEAD.size))
            count += 1
            at += _HEAD.size + length + _FOOT.size
            if at > end:
                break
            file.seek(at)
    return count


def write_records(path: str | Path, records: Iterable[Mapping[str, Writable]]) -> int:
    """Write a file of records; equal records give equal bytes.

    The file gets its name when it is complete. Until then its name ends in ``.part``.

    Parameters
    ----------
    path : str or Path
    records : iterable of mappings
        Name of each feature to a float or array of floats, an integer or array of integers, a text
        or bytes.

    Returns
    -------
    int
        Number of records written.
    """
    return write_contents(path, map(encode, records))


def write_contents(path: str | Path, records: Iterable[bytes]) -> int:
    """Write a file of records that are serialized already; see `write_records`."""
    path = Path(path)
    part = path.with_name(f"{path.name}.part")
    count = 0
    try:
        with part.open("wb") as file:
            for content in records:
                file.write(frame(content))
                count += 1
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return count


def frame(content: bytes) -> bytes:
    """Return the frame of a record: its length and bytes with their checksums."""
    length = struct.pack("<Q", len(content))
    return length + _FOOT.pack(_masked(length)) + content + _FOOT.pack(_masked(content))


def _frames(
    file: BinaryIO, name: str, on_cut: Callable[[RecordError], None] | None
) -> Iterator[tuple[int, bytes]]:
    offset = number = 0
    while True:
        head = file.read(_HEAD.size)
        if not head and offset:
            return
        lacking = _HEAD.size - len(head)
        content = b""
        if not lacking:
            length, check = _HEAD.unpack(head)
            if _masked(head[:8]) != check:
                words = "is damaged, or this is no TFRecord file: its length has another checksum;"
                raise RecordError(name, offset, number, f"{words} {_REPLACE}")
            body = file.read(length + _FOOT.size)
            lacking = length + _FOOT.size - len(body)
            content = body[:length]
        if lacking:
            words = f"is cut: the file ends {lacking} bytes too early;"
            error = RecordError(name, offset, number, f"{words} {_REPLACE}")
            if on_cut is None:
                raise error
            on_cut(error)
            return
        if _masked(content) != _FOOT.unpack_from(body, length)[0]:
            raise RecordError(
                name, offset, number, f"is damaged: its bytes have another checksum; {_REPLACE}"
            )
        yield offset, content
        offset += _HEAD.size + len(body)
        number += 1


def _masked(content: bytes) -> int:
    crc = int(google_crc32c.value(content))
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def _record(
    file: str, offset: int, number: int, content: bytes, names: Collection[str] | None
) -> Record:
    record = Record(file, offset, number, {})
    try:
        features = Example.FromString(content).features.feature
    except DecodeError as error:
        raise record.error(f"is no tf.train.Example ({error}): {_REPLACE}") from None
    for name in list(features) if names is None else names:
        # Reading a missing key of a protobuf map would insert that key.
        if name in features:
            record.values[name] = _values(record, name, features[name])
    return record


def _values(record: Record, name: str, feature: Any) -> Values:
    kind = feature.WhichOneof("kind")
    length = VIEW_LENGTHS.get(name)
    if length is not None and kind not in ("float_list", None):
        raise record.error(f"has no floats as {name}, but {kind}: {_REPLACE}")
    if kind is None:
        return np.empty(0, np.float32)
    if kind == "bytes_list":
        return tuple(feature.bytes_list.value)
    if kind == "int64_list":
        return np.array(feature.int64_list.value, np.int64)
    floats = feature.float_list
    packed = b"".join(floats.packed)
    if len(packed) % 4 or (not floats.packed and floats.ByteSize()):
        raise record.error(f"has floats as {name} that are not packed: {_REPLACE}")
    values = np.frombuffer(packed, "<f4")
    if length is not None and len(values):
        if len(values) != length:
            words = f"has {len(values)} bins in {name} where {length} belong: it is of another"
            raise record.error(f"{words} recipe, or damaged; {_REPLACE}")
        if not np.isfinite(values).all():
            bin_ = int(np.flatnonzero(~np.isfinite(values))[0])
            raise record.error(f"has no number in bin {bin_} of {name}: make the file anew.")
    return values
