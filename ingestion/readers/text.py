"""Text files as chunks of whole lines, and their encodings: what the delimited and the fixed-width reader share."""

import codecs
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from ingestion.bank import FileFormat
from ingestion.readers.compressed import archive_kind, opened
from qianmo.errors import DataRefusedError

CHUNK_BYTES = 1 << 20
"""What fits a processor's cache is decoded and split a third faster than 4 MiB at a time."""

_LONGEST_LINE_BYTES = 64 << 20

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_NUL_SHARE = 8
"""One NUL in so many bytes is no text with a few damaged lines; UTF-16 without a mark has far more."""

_EVIDENCE_BYTES = 16
"""So many non-ASCII bytes that are all valid UTF-8 are no GB18030 text: its pairs seldom are (1 in 20 or fewer)."""


def _euro(error: UnicodeError) -> tuple[str, int]:
    """Byte 0x80 is the Euro sign in Microsoft's code page 936, which Python's GB codecs do not know."""
    if isinstance(error, UnicodeDecodeError) and error.object[error.start] == 0x80:
        return "€", error.start + 1
    raise error


codecs.register_error("cp936-euro", _euro)


def decode(raw: bytes, encoding: str) -> str:
    """Decode strictly.

    Raises:
        UnicodeDecodeError: a byte does not belong to the encoding; a NUL belongs to no text.
    """
    if (at := raw.find(b"\x00")) >= 0:
        raise UnicodeDecodeError(encoding, raw, at, at + 1, "NUL")
    return raw.decode(encoding, "cp936-euro" if encoding.lower().startswith(("gb", "cp936")) else "strict")


def chunks(path: Path, file_format: FileFormat) -> Iterator[bytes]:
    """Whole lines in chunks of about 1 MiB; a byte-order mark is left out.

    Raises:
        DataRefusedError: the file is not packed as described, cut off, a bomb, or no text.
    """
    rest = b""
    first = True
    has_lines = False
    with opened(path, file_format) as file:
        while block := file.read(CHUNK_BYTES):
            if first:
                if kind := archive_kind(block):
                    raise DataRefusedError(f"{path}: expected text, found {kind}. Look at format.compression")
                block = block.removeprefix(codecs.BOM_UTF8)
                first = False
            end = block.rfind(b"\n") + 1
            if end:
                has_lines = True
                yield rest + block[:end]
                rest = block[end:]
            else:
                rest += block
                if len(rest) > _LONGEST_LINE_BYTES:
                    raise DataRefusedError(f"{path}: expected lines of text, found none in {len(rest)} bytes")
    if b"\r" in rest.rstrip(b"\r") and not has_lines:
        raise DataRefusedError(f"{path}: expected lines that end in LF or CR LF, found lines that end in CR alone")
    if rest:
        yield rest


def split_lines(chunk: bytes) -> list[bytes]:
    """The lines of a chunk with their line ends; parted at byte 0x0A alone."""
    lines = [line + b"\n" for line in chunk.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def line_offsets(chunk: bytes) -> np.ndarray:
    """Start of every line of a chunk and, last, its length: int64, lines + 1."""
    ends = np.flatnonzero(np.frombuffer(chunk, np.uint8) == 0x0A) + 1
    if not len(ends) or ends[-1] != len(chunk):
        ends = np.append(ends, len(chunk))
    return np.concatenate(([0], ends)).astype(np.int64)


def raw_lines(chunk: bytes) -> pa.Array:
    """The lines of a chunk, with their line ends, sharing its memory."""
    offsets = line_offsets(chunk)
    return pa.BinaryArray.from_buffers(
        pa.binary(), len(offsets) - 1, [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(chunk)]
    )


def may_be_shortened(chunk: bytes) -> bool:
    """Whether any text looks like a number in scientific notation; costs far less than looking at each value."""
    return b"+" in chunk and (b"E+" in chunk or b"e+" in chunk)  # one byte is found many times faster than two


class EncodingWatch:
    """Tells a file in another encoding from a file with a few damaged lines."""

    def __init__(self, path: Path, encoding: str) -> None:
        self._path = path
        self._encoding = encoding
        self._utf8_possible = not encoding.lower().replace("_", "-").startswith("utf-8")
        self._utf8_bytes = 0
        self._non_ascii_lines = 0
        self._faulty_lines = 0
        self._first_faulty = 0

    def chunk(self, chunk: bytes, is_first: bool) -> None:
        """Look at a chunk before it is decoded.

        Raises:
            DataRefusedError: the file is in UTF-16, or in UTF-8 where another encoding is declared.
        """
        if is_first and chunk.startswith(_UTF16_MARKS):
            raise DataRefusedError(f"{self._path}: expected encoding {self._encoding}, found utf-16")
        if is_first and chunk.count(0) * _NUL_SHARE > len(chunk):
            raise DataRefusedError(
                f"{self._path}: expected encoding {self._encoding}, found utf-16 or binary content (NUL bytes)"
            )
        if not self._utf8_possible or chunk.isascii():
            return
        try:
            chunk.decode("utf-8")
        except UnicodeDecodeError:
            self._utf8_possible = False
            return
        self._utf8_bytes += int((np.frombuffer(chunk, np.uint8) >= 0x80).sum())
        if self._utf8_bytes >= _EVIDENCE_BYTES:
            raise DataRefusedError(f"{self._path}: expected encoding {self._encoding}, found utf-8")

    def clean_chunk(self, chunk: bytes, lines: int) -> None:
        """Note a chunk that decoded as a whole."""
        if not chunk.isascii():
            self._non_ascii_lines += lines

    def line(self, raw: bytes, number: int, is_faulty: bool) -> None:
        """Note one line of a chunk that did not."""
        self._non_ascii_lines += not raw.isascii()
        if is_faulty and not raw.isascii():
            self._first_faulty = self._first_faulty or number
            self._faulty_lines += 1

    def end(self) -> None:
        """Judge the whole file.

        Raises:
            DataRefusedError: most lines that are not plain ASCII are damaged.
        """
        if self._faulty_lines > 2 and self._faulty_lines * 2 > self._non_ascii_lines:
            raise DataRefusedError(
                f"{self._path}: expected encoding {self._encoding}, found {self._faulty_lines} of "
                f"{self._non_ascii_lines} non-ASCII lines in another one (first at line {self._first_faulty})"
            )
