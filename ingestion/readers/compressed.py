"""Delivered files as one stream of bytes: as they are, gzip, or one member of a zip archive.

Nothing is unpacked to disk and no name in an archive becomes a path. What expands beyond its limit is refused while it
is read, so a bomb fills neither disk nor memory.
"""

import gzip
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Protocol

from ingestion.bank import FileFormat
from qianmo.errors import DataRefusedError

_UNSUSPICIOUS_BYTES = 64 << 20
"""Up to here any ratio passes: small files of one repeated line are no harm."""

_HIGHEST_RATIO = 200
"""Bytes expanded per byte delivered. Unloads reach 5 to 30, long runs of blanks about 100; deflate can do 1,032."""

_ARCHIVES = {
    b"PK\x03\x04": "a zip archive or workbook",
    b"PK\x05\x06": "a zip archive without members",
    b"\x1f\x8b": "a gzip file",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a rar archive",
    b"\xd0\xcf\x11\xe0": "an old Office file (.xls, or a workbook with a password)",
}

_ENCRYPTED_FLAG = 0x1


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Expanded:
    """A stream that is held against the limits of its format while it is read."""

    def __init__(self, path: Path, file_format: FileFormat, stream: _Readable) -> None:
        self._path = path
        self._stream = stream
        self._compression = file_format.compression
        self._limit = file_format.expanded_limit_mib << 20
        self._delivered = path.stat().st_size
        self._read = 0

    def read(self, size: int) -> bytes:
        """At most `size` bytes; none at the end.

        Raises:
            DataRefusedError: the file is cut off, damaged, cannot be read, or expands beyond the limits.
        """
        kind = "zip archive" if self._compression == "zip" else "gzip file"
        try:
            block = self._stream.read(size)
        except EOFError:
            raise DataRefusedError(
                f"{self._path}: expected a complete {kind}, found one that is cut off. Have it sent again"
            ) from None
        except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
            reason = str(error).partition(" (b'")[0]  # Python's words, without the file's bytes
            raise DataRefusedError(f"{self._path}: expected a {kind}, found {reason}. Have it sent again") from None
        except OSError as error:
            raise DataRefusedError(f"{self._path}: expected a file to read, found {error.strerror}") from None
        self._read += len(block)
        if self._compression != "none":
            self._judge()
        return block

    def _judge(self) -> None:
        if self._read > self._limit:
            raise DataRefusedError(
                f"{self._path}: expected at most {self._limit >> 20:,} MiB when expanded, found more in "
                f"{self._delivered:,} bytes. If the delivery is right, raise format.expanded_limit_mib"
            )
        if self._read > max(_UNSUSPICIOUS_BYTES, self._delivered * _HIGHEST_RATIO):
            raise DataRefusedError(
                f"{self._path}: expected at most {_HIGHEST_RATIO} times its {self._delivered:,} bytes when expanded, "
                "found more: no unload is packed so densely. Ask the sender what this file is"
            )


@contextmanager
def opened(path: Path, file_format: FileFormat) -> Iterator[Expanded]:
    """The bytes of a delivered file.

    Raises:
        DataRefusedError: the file is not compressed as described, or the archive is not one to be read (more members
            than one, none that fits, a password, a name or link that leaves its folder).
    """
    with ExitStack() as stack:
        stream: _Readable
        try:
            if file_format.compression == "zip":
                archive = stack.enter_context(zipfile.ZipFile(path, metadata_encoding="gb18030"))
                stream = stack.enter_context(archive.open(_member(path, archive, file_format.member)))
            elif file_format.compression == "gzip":
                if not path.stat().st_size:
                    raise DataRefusedError(f"{path}: expected a gzip file, found an empty file. Have it sent again")
                stream = stack.enter_context(gzip.open(path, "rb"))
            else:
                stream = stack.enter_context(path.open("rb"))
        except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
            raise DataRefusedError(
                f"{path}: expected a complete zip archive, found none that can be read ({error}). Have it sent again"
            ) from None
        except OSError as error:
            raise DataRefusedError(f"{path}: expected a file to read, found {error.strerror}") from None
        yield Expanded(path, file_format, stream)


def archive_kind(start: bytes) -> str | None:
    """What kind of archive begins with these bytes; None when they begin none."""
    return next((kind for magic, kind in _ARCHIVES.items() if start.startswith(magic)), None)


def _member(path: Path, archive: zipfile.ZipFile, wanted: str | None) -> zipfile.ZipInfo:
    members = archive.infolist()
    if tricky := [member for member in members if _leaves_its_folder(member)]:
        raise DataRefusedError(
            f"{path}: expected members with plain names, found {_names(tricky)}: an archive made to write "
            "elsewhere. Ask the sender where it comes from"
        )
    files = [member for member in members if not member.is_dir()]
    fitting = [m for m in files if wanted is None or fnmatchcase(PurePosixPath(m.filename).name, wanted)]
    if len(fitting) != 1:
        expected = "exactly one member" if wanted is None else f"exactly one member {wanted}"
        raise DataRefusedError(
            f"{path}: expected {expected} in the zip archive, found {_names(fitting or files) or 'none'}"
            + (". Name the one to read in format.member" if wanted is None and files else "")
        )
    if fitting[0].flag_bits & _ENCRYPTED_FLAG:
        raise DataRefusedError(
            f"{path}: expected a zip archive without a password, found {_names(fitting)} encrypted. "
            "Have it sent without one"
        )
    return fitting[0]


def _leaves_its_folder(member: zipfile.ZipInfo) -> bool:
    name = member.orig_filename
    return (
        name.startswith(("/", "\\"))
        or re.match(r"[A-Za-z]:", name) is not None
        or ".." in re.split(r"[/\\]", name)
        or "\x00" in name
        or stat.S_ISLNK(member.external_attr >> 16)
    )


def _names(members: list[zipfile.ZipInfo]) -> str:
    shown = [name if name.isprintable() else ascii(name) for name in (member.orig_filename for member in members[:5])]
    return ", ".join(shown) + (f" and {len(members) - 5} more" if len(members) > 5 else "")
