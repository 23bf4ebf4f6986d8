"""A seeded mutator of deliveries: the same (seed, number) damages the same delivery in the same way.

It works on bytes and knows of a format only what a sender could get wrong: line ends, a delimiter, byte positions,
an encoding, a gzip, a workbook's archive, a control file. Nothing here is shared with the readers.
"""

import gzip
import io
import random
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from hashlib import sha256

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet

_GZIP_LEVEL = 1
_MOST_CELLS = 1_000_000
"""openpyxl walks through every cell of a worksheet: one with a far cell is not changed any more."""
_BOUNDARY = 4 << 20
"""Readers take blocks of a power of two: damage near such places is worth more than elsewhere."""


@dataclass(frozen=True)
class Delivery:
    """The files of one table of one business date, as a source system wrote them."""

    kind: str
    """Name of the delivery among those that are mutated."""
    source: str
    table: str
    business_date: date
    data: str
    """Name of the file that is mutated, relative to the inbox."""
    files: Mapping[str, bytes]
    """Every file of the delivery: data, control file, legal basis, further workbooks."""
    encoding: str = "utf-8"
    delimiter: bytes = b""
    """Empty: fixed width, or a workbook."""
    starts: tuple[int, ...] = ()
    """Fixed width: first byte of every field, from 0."""
    has_header: bool = False
    is_gzip: bool = False
    is_workbook: bool = False
    is_quoted: bool = False
    control: str | None = None
    basis: str | None = None
    columns: tuple[str, ...] = field(default=())
    """Header texts of a workbook that its description names."""

    @property
    def content(self) -> bytes:
        """The data file without its compression."""
        return gzip.decompress(self.files[self.data]) if self.is_gzip else self.files[self.data]


@dataclass(frozen=True)
class Mutation:
    """A damaged delivery and the names of what was done to it."""

    delivery: Delivery
    steps: tuple[str, ...]


Change = Callable[[bytes, Delivery, random.Random], bytes]

_SPECIAL_BYTES = (
    b"\x00",
    b"\x80",
    b"\xff",
    b"\x1f",
    b"\x1e",
    b"\r",
    b"\x0b",
    b"\x0c",
    b"\x1a",
    b"\x85",
    b"\xa1",
    b"\\",
)
_SPECIAL_TEXTS = (
    "\u2028", "\u3000", "\ufeff", "\u0085", "\U0001f600", "𫖯", "é", "=1+1", "'; drop table mapped; --", '"', '""',
    "'", "%", "null", "NaN", "{", "}", "|", "|!|", ",", "\t", "\\N", "\\", "\u200b", "\ue000",
)  # fmt: skip
_NUMBERS = (
    "-0", "-0.00", "1e5", "1E400", "nan", "inf", "-Infinity", "0x10", "1,234.00", "１２３.４５", "١٢٣",
    "+5", "--5", "5-",
    "1_000", "99999999999999999999.99", "0.005", ".", "", " ", "3.21281199407040019E+17", "1/0",
    "12 34", "9223372036854775808",
)  # fmt: skip
_DATES = (
    "20260230", "2026-02-30", "0000-00-00", "00000000", "99991231", "9999-12-31", "2026/09/28", "28.09.2026",
    "20260928 ", "2026年9月28日", "2026-9-8", "46293", "46293.5", "2026-09-28T24:00:00", "20260928256199",
    "-2026-09-28", "infinity",
    "290309-12-22", "1582-10-10", "２０２６０９２８", "now", "today", "epoch",
)  # fmt: skip


def mutate(delivery: Delivery, chance: random.Random) -> Mutation:
    """Apply one to three changes; in half of the cases the control file agrees with what is left."""
    steps: list[str] = []
    files = dict(delivery.files)
    if delivery.is_workbook:
        changes: dict[str, Change] = WORKBOOK_CHANGES
        content = files[delivery.data]
    else:
        changes = TEXT_CHANGES
        content = delivery.content
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3))):
        name = chance.choice(sorted(changes))
        content = changes[name](content, delivery, chance)
        steps.append(name)
    if delivery.is_gzip:
        packed = gzip.compress(content, _GZIP_LEVEL, mtime=0)
        if chance.random() < 0.2:
            name = chance.choice(sorted(GZIP_CHANGES))
            packed = GZIP_CHANGES[name](packed, delivery, chance)
            steps.append(name)
        content = packed
    files[delivery.data] = content
    changed = replace(delivery, files=files)
    if delivery.control:
        agrees = chance.random() < 0.5
        if agrees:
            changed = _with_control(changed, _agreeing_control(changed))
            steps.append("control agrees")
        if chance.random() < (0.1 if agrees else 0.3):
            name = chance.choice(sorted(CONTROL_CHANGES))
            text = CONTROL_CHANGES[name](changed.files[delivery.control], delivery, chance)
            changed = _with_control(changed, text)
            steps.append(name)
    if delivery.basis and chance.random() < 0.1:
        name = chance.choice(sorted(BASIS_CHANGES))
        files = dict(changed.files)
        files[delivery.basis] = BASIS_CHANGES[name](files[delivery.basis], delivery, chance)
        changed = replace(changed, files=files)
        steps.append(name)
    return Mutation(changed, tuple(steps))


def _with_control(delivery: Delivery, text: bytes) -> Delivery:
    assert delivery.control
    return replace(delivery, files={**delivery.files, delivery.control: text})


def _agreeing_control(delivery: Delivery) -> bytes:
    """Date, bytes and SHA-256 of the damaged file; rows where they can be counted, no amount total."""
    unload = delivery.files[delivery.data]
    rows = text_rows(delivery)
    stated = {
        "business_date": delivery.business_date.isoformat(),
        "rows": "" if rows is None else rows,
        "bytes": len(unload),
        "amount_total": "",
        "sha256": sha256(unload).hexdigest(),
    }
    return "".join(f"{key}={value}\n" for key, value in stated.items()).encode()


def text_rows(delivery: Delivery) -> int | None:
    """Lines of a text delivery that are not blank, without the header; None when they cannot be told from outside.

    That is so for a broken gzip and for quoted text, where a line end may belong to a value.
    """
    try:
        content = delivery.content
    except (OSError, EOFError, ValueError, zlib.error):
        return None
    if delivery.is_quoted and b'"' in content:
        return None
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return sum(1 for line in lines[delivery.has_header :] if line.strip(b"\r"))


# ---- places ----


def _position(content: bytes, chance: random.Random) -> int:
    """A byte, sometimes near a place where a reader's block may end."""
    if len(content) > _BOUNDARY and chance.random() < 0.5:
        near = chance.randint(1, len(content) // _BOUNDARY) * _BOUNDARY + chance.randint(-200, 200)
        return min(max(near, 0), len(content) - 1)
    return chance.randrange(len(content)) if content else 0


def _some(count: int, chance: random.Random) -> list[int]:
    """Indices in order: one, a few, a third or all of them."""
    if not count:
        return []
    share = chance.choice((1, 1, chance.randint(1, 5), max(1, count // 3), count))
    return sorted(chance.sample(range(count), min(count, share)))


def _lines(content: bytes) -> list[bytes]:
    lines = content.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _split_end(line: bytes) -> tuple[bytes, bytes]:
    body = line.rstrip(b"\r\n")
    return body, line[len(body) :]


def _fields(body: bytes, delivery: Delivery) -> list[bytes]:
    if delivery.delimiter:
        return body.split(delivery.delimiter)
    ends = [*delivery.starts[1:], max(len(body), delivery.starts[-1])]
    return [body[start:end] for start, end in zip(delivery.starts, ends, strict=True)]


def _encoded(text: str, delivery: Delivery) -> bytes:
    return text.encode(delivery.encoding, "replace")


# ---- changes of text ----


def _flip_bits(content: bytes, _: Delivery, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 4, 40))):
        if changed:
            changed[_position(content, chance)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _overwrite_bytes(content: bytes, _: Delivery, chance: random.Random) -> bytes:
    changed = bytearray(content)
    at = _position(content, chance)
    length = min(len(changed) - at, chance.choice((1, 3, 50, 2000)))
    changed[at : at + length] = chance.randbytes(length)
    return bytes(changed)


def _insert_special(content: bytes, delivery: Delivery, chance: random.Random) -> bytes:
    for _ in range(chance.choice((1, 1, 3, 20))):
        at = _position(content, chance)
        piece = chance.choice(_SPECIAL_BYTES) * chance.choice((1, 1, 2, 100))
        if chance.random() < 0.5:
            piece = _encoded(chance.choice(_SPECIAL_TEXTS), delivery)
        content = content[:at] + piece + content[at:]
    return content


def _delete_run(content: bytes, _: Delivery, chance: random.Random) -> bytes:
    at = _position(content, chance)
    return content[:at] + content[at + chance.choice((1, 2, 7, 100, 5000)) :]


def _duplicate_run(content: bytes, _: Delivery, chance: random.Random) -> bytes:
    at = _position(content, chance)
    end = at + chance.choice((1, 2, 7, 100, 5000))
    return content[:end] + content[at:]


def _move_run(content: bytes, _: Delivery, chance: random.Random) -> bytes:
    at = _position(content, chance)
    run = content[at : at + chance.choice((1, 20, 500))]
    rest = content[:at] + content[at + len(run) :]
    to = _position(rest, chance)
    return rest[:to] + run + rest[to:]


def _truncate(content: bytes, _: Delivery, chance: random.Random) -> bytes:
    return content[: _position(content, chance)]


def _empty(content: bytes, _: Delivery, chance: random.Random) -> bytes:
    return chance.choice((b"", b"\n", b"\r\n\r\n", b" ", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n", content[:1]))


def _only_header(content: bytes, _: Delivery, chance: random.Random) -> bytes:
    first = _lines(content)[:1]
    return first[0] if first and chance.random() < 0.5 else (first[0].rstrip(b"\r\n") if first else b"")


def _line_change(change: Callable[[list[bytes], random.Random], list[bytes]]) -> Change:
    return lambda content, _, chance: b"".join(change(_lines(content), chance))


def _cut_lines(lines: list[bytes], chance: random.Random) -> list[bytes]:
    gone = set(_some(len(lines), chance))
    return [line for number, line in enumerate(lines) if number not in gone]


def _double_lines(lines: list[bytes], chance: random.Random) -> list[bytes]:
    doubled = set(_some(len(lines), chance))
    return [line for number, one in enumerate(lines) for line in [one] * (1 + (number in doubled))]


def _shuffle_lines(lines: list[bytes], chance: random.Random) -> list[bytes]:
    chance.shuffle(lines)
    return lines


def _each(lines: list[bytes], chance: random.Random, change: Callable[[bytes], bytes]) -> list[bytes]:
    for number in _some(len(lines), chance):
        lines[number] = change(lines[number])
    return lines


def _join_lines(lines: list[bytes], chance: random.Random) -> list[bytes]:
    return _each(lines, chance, lambda line: line.rstrip(b"\r\n"))


def _break_lines(lines: list[bytes], chance: random.Random) -> list[bytes]:
    def broken(line: bytes) -> bytes:
        at = chance.randint(0, len(line))
        return line[:at] + chance.choice((b"\n", b"\r\n", b"\r", b"\n\n")) + line[at:]

    return _each(lines, chance, broken)


def _shorten_lines(lines: list[bytes], chance: random.Random) -> list[bytes]:
    return _each(lines, chance, lambda line: line[: chance.randint(0, len(line))] + b"\n")


def _blank_lines(lines: list[bytes], chance: random.Random) -> list[bytes]:
    return _each(lines, chance, lambda line: line + chance.choice((b"\n", b"\r\n", b" \n", b"\t\n", b"\x00\n")))


def _line_ends(lines: list[bytes], chance: random.Random) -> list[bytes]:
    end = chance.choice((b"\r\n", b"\r\n", b"\r", b"\r\r\n", b"\n\r", b"\x0b\n", b" \n"))
    return _each(lines, chance, lambda line: line.rstrip(b"\r\n") + end)


def _field_change(change: Callable[[list[bytes], Delivery, random.Random, int], list[bytes]]) -> Change:
    """A change of the fields of some lines; `column` is the same in every line."""

    def changed(content: bytes, delivery: Delivery, chance: random.Random) -> bytes:
        lines = _lines(content)
        column = chance.randrange(64)
        joint = delivery.delimiter
        for number in _some(len(lines), chance):
            body, end = _split_end(lines[number])
            lines[number] = joint.join(change(_fields(body, delivery), delivery, chance, column)) + end
        return b"".join(lines)

    return changed


def _swap_columns(fields: list[bytes], _: Delivery, __: random.Random, column: int) -> list[bytes]:
    one, other = column % len(fields), (column * 7 + 1) % len(fields)
    fields[one], fields[other] = fields[other], fields[one]
    return fields


def _drop_column(fields: list[bytes], _: Delivery, __: random.Random, column: int) -> list[bytes]:
    del fields[column % len(fields)]
    return fields


def _add_column(fields: list[bytes], _: Delivery, __: random.Random, column: int) -> list[bytes]:
    at = column % (len(fields) + 1)
    return [*fields[:at], b"new", *fields[at:]]


def _replaced(values: tuple[str, ...]) -> Callable[[list[bytes], Delivery, random.Random, int], list[bytes]]:
    def change(fields: list[bytes], delivery: Delivery, chance: random.Random, column: int) -> list[bytes]:
        at = column % len(fields)
        value = _encoded(chance.choice(values), delivery)
        if not delivery.delimiter and chance.random() < 0.7:
            value = value[: len(fields[at])].ljust(len(fields[at]))
        fields[at] = value
        return fields

    return change


def _blank_field(fields: list[bytes], _: Delivery, chance: random.Random, column: int) -> list[bytes]:
    at = column % len(fields)
    fields[at] = chance.choice((b"", b" " * len(fields[at])))
    return fields


def _full_width(fields: list[bytes], delivery: Delivery, _: random.Random, column: int) -> list[bytes]:
    at = column % len(fields)
    wide = {0x30 + digit: 0xFF10 + digit for digit in range(10)}
    fields[at] = _encoded(fields[at].decode(delivery.encoding, "replace").translate(wide), delivery)
    return fields


def _quote_field(fields: list[bytes], _: Delivery, chance: random.Random, column: int) -> list[bytes]:
    at = column % len(fields)
    pattern = chance.choice((b'"%s', b'%s"', b'"%s"', b'"%s"x', b'a"%s', b'""%s', b'"%s\n"', b'"\n\n%s"', b'"%s""'))
    fields[at] = pattern.replace(b"%s", fields[at])
    return fields


def _huge_field(content: bytes, delivery: Delivery, chance: random.Random) -> bytes:
    lines = _lines(content)
    if not lines:
        return content
    at = chance.randrange(len(lines))
    body, end = _split_end(lines[at])
    fields = _fields(body, delivery)
    column = chance.randrange(len(fields))
    fields[column] = chance.choice((b"9", b"x", _encoded("汉", delivery))) * chance.choice(
        (70_000, 1_000_000, 5_000_000)
    )
    lines[at] = delivery.delimiter.join(fields) + end
    return b"".join(lines)


def _other_delimiter(content: bytes, delivery: Delivery, chance: random.Random) -> bytes:
    other = chance.choice((b"|", b";", b"\t", b"|!", b"!|!", b"\x1f", b"\x01", b"|!||!|", b", "))
    before = delivery.delimiter or b" "
    lines = _lines(content)
    return b"".join(_each(lines, chance, lambda line: line.replace(before, other)))


def _recode(content: bytes, delivery: Delivery, chance: random.Random) -> bytes:
    other = chance.choice(("utf-8", "gb18030", "gbk", "big5", "utf-16-le", "utf-16-be", "utf-16", "utf-32", "latin-1"))

    def recoded(line: bytes) -> bytes:
        return line.decode(delivery.encoding, "replace").encode(other, "replace")

    if chance.random() < 0.2:
        return recoded(content)
    return b"".join(_each(_lines(content), chance, recoded))


def _byte_order_mark(content: bytes, _: Delivery, chance: random.Random) -> bytes:
    mark = chance.choice((b"\xef\xbb\xbf", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x84\x31\x95\x33"))
    at = chance.choice((0, 0, 0, _position(content, chance)))
    return content[:at] + mark * chance.choice((1, 1, 2)) + content[at:]


def _change_header(content: bytes, delivery: Delivery, chance: random.Random) -> bytes:
    """Without a header the first line is changed all the same."""
    header, newline, rest = content.partition(b"\n")
    names = _fields(header, delivery) or [b""]
    at = chance.randrange(len(names))
    match chance.randrange(9):
        case 0:
            names[at] = b"renamed"
        case 1:
            names[at] = names[0]
        case 2:
            names[at] = b""
        case 3:
            names[at] = names[at].upper()
        case 4:
            names[at] = b"  " + names[at] + b"\t"
        case 5:
            chance.shuffle(names)
        case 6:
            del names[at]
        case 7:
            return rest
        case _:
            return content + header + newline
    return delivery.delimiter.join(names) + newline + rest


TEXT_CHANGES: dict[str, Change] = {
    "bits flipped": _flip_bits,
    "bytes overwritten": _overwrite_bytes,
    "special bytes inserted": _insert_special,
    "run deleted": _delete_run,
    "run duplicated": _duplicate_run,
    "run moved": _move_run,
    "truncated": _truncate,
    "emptied": _empty,
    "only first line": _only_header,
    "lines cut": _line_change(_cut_lines),
    "lines doubled": _line_change(_double_lines),
    "lines shuffled": _line_change(_shuffle_lines),
    "lines joined": _line_change(_join_lines),
    "lines broken": _line_change(_break_lines),
    "lines shortened": _line_change(_shorten_lines),
    "blank lines": _line_change(_blank_lines),
    "line ends": _line_change(_line_ends),
    "columns swapped": _field_change(_swap_columns),
    "column dropped": _field_change(_drop_column),
    "column added": _field_change(_add_column),
    "numbers mangled": _field_change(_replaced(_NUMBERS)),
    "dates mangled": _field_change(_replaced(_DATES)),
    "texts replaced": _field_change(_replaced(_SPECIAL_TEXTS)),
    "fields blanked": _field_change(_blank_field),
    "full-width digits": _field_change(_full_width),
    "quotes opened": _field_change(_quote_field),
    "huge field": _huge_field,
    "delimiter changed": _other_delimiter,
    "encodings mixed": _recode,
    "byte-order mark": _byte_order_mark,
    "header changed": _change_header,
}


# ---- changes of a gzip ----


def _gzip_bits(packed: bytes, delivery: Delivery, chance: random.Random) -> bytes:
    return _flip_bits(packed, delivery, chance)


def _gzip_plain(packed: bytes, _: Delivery, __: random.Random) -> bytes:
    return gzip.decompress(packed)


def _gzip_members(packed: bytes, delivery: Delivery, chance: random.Random) -> bytes:
    """The same text as two members, which is a valid gzip; now and then an empty one behind."""
    content = gzip.decompress(packed)
    at = _position(content, chance)
    parts = [content[:at], content[at:], *([b""] if chance.random() < 0.5 else [])]
    return b"".join(gzip.compress(part, _GZIP_LEVEL, mtime=0) for part in parts)


def _gzip_garbage(packed: bytes, _: Delivery, chance: random.Random) -> bytes:
    return packed + chance.choice((b"\x00" * 512, chance.randbytes(64), b"\x1f\x8b", packed[:40], packed))


def _gzip_other(packed: bytes, _: Delivery, chance: random.Random) -> bytes:
    archive = _archive({"../../unload.dat": gzip.decompress(packed)[:10_000]})
    return chance.choice((b"", b"\x1f\x8b", archive, gzip.compress(packed, mtime=0)))


GZIP_CHANGES: dict[str, Change] = {
    "gzip: bits flipped": _gzip_bits,
    "gzip: truncated": _truncate,
    "gzip: not compressed": _gzip_plain,
    "gzip: several members": _gzip_members,
    "gzip: garbage appended": _gzip_garbage,
    "gzip: something else": _gzip_other,
}


# ---- changes of a control file or a legal basis ----


def _control_value(text: bytes, _: Delivery, chance: random.Random) -> bytes:
    lines = text.split(b"\n")
    at = chance.randrange(max(1, len(lines) - 1))
    key, _, value = lines[at].partition(b"=")
    others = (
        b"",
        b"0",
        b"-1",
        b"1e3",
        b"NaN",
        b"x",
        b"2026-09-27",
        value + b"0",
        value[:-1],
        "１２".encode(),
        b"9" * 5000,
    )
    lines[at] = key + b"=" + chance.choice(others)
    return b"\n".join(lines)


def _control_key(text: bytes, _: Delivery, chance: random.Random) -> bytes:
    lines = text.split(b"\n")
    at = chance.randrange(len(lines))
    lines[at] = chance.choice((b"", lines[at].upper(), lines[at].replace(b"=", b": "), b"extra=1\n" + lines[at]))
    return b"\n".join(lines)


def _control_encoding(text: bytes, _: Delivery, chance: random.Random) -> bytes:
    return text.decode(errors="replace").encode(chance.choice(("utf-8-sig", "utf-16", "utf-32")))


CONTROL_CHANGES: dict[str, Change] = {
    "control: value changed": _control_value,
    "control: key changed": _control_key,
    "control: encoding": _control_encoding,
    "control: bits flipped": _flip_bits,
    "control: emptied": _empty,
}

BASIS_CHANGES: dict[str, Change] = {
    "basis: bits flipped": _flip_bits,
    "basis: emptied": _empty,
    "basis: truncated": _truncate,
    "basis: expired": lambda text, _, __: text.replace(b'"expires": "20', b'"expires": "19'),
}


# ---- changes of a workbook ----


def _members(book: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _archive(members: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _member_change(change: Change) -> Change:
    """A change of one member, packed again with right checksums; a book that cannot be unpacked stays."""

    def changed(book: bytes, delivery: Delivery, chance: random.Random) -> bytes:
        try:
            members = _members(book)
        except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, zlib.error):
            return book
        if not members:
            return book
        likely = [name for name in members if "sheet" in name or "Strings" in name or "workbook" in name]
        name = chance.choice(sorted(likely if likely and chance.random() < 0.8 else members))
        members[name] = change(members[name], replace(delivery, delimiter=b"<"), chance)
        return _archive(members)

    return changed


def _drop_member(book: bytes, _: Delivery, chance: random.Random) -> bytes:
    try:
        members = _members(book)
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, zlib.error):
        return book
    if members:
        name = chance.choice(sorted(members))
        content = members.pop(name)
        if chance.random() < 0.5:
            members["../../" + name] = content
    return _archive(members)


def _sheet_change(change: Callable[[Worksheet, Delivery, random.Random], None]) -> Change:
    """A change that a person makes in a worksheet; a book that no longer opens stays."""

    def changed(book: bytes, delivery: Delivery, chance: random.Random) -> bytes:
        try:
            opened = openpyxl.load_workbook(io.BytesIO(book))
            sheet = opened.worksheets[0]
            if sheet.max_row * sheet.max_column > _MOST_CELLS:
                return book
            change(sheet, delivery, chance)
            saved = io.BytesIO()
            opened.save(saved)
        except Exception:  # openpyxl raises whatever an archive that was damaged before leads it to
            return book
        members = _members(saved.getvalue())
        for name in members.keys() & {"docProps/core.xml"}:  # the only place where the clock is written
            members[name] = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2026-09-28T00:00:00Z", members[name])
        return _archive(members)

    return changed


def _header_row(sheet: Worksheet, delivery: Delivery) -> int:
    for number, row in enumerate(sheet.iter_rows(values_only=True, max_row=50), start=1):
        if delivery.columns[0] in row:
            return number
    return 1


_CELLS: tuple[object, ...] = (
    None, "", " ", "　", "３２１２８１", 321281199407040019, 3.21281199407040019e17, 1.5, -0.0, 1e300, True,
    "=1/0", "=A1", "#N/A", datetime(2026, 9, 28), datetime(2026, 9, 28, 8, 30), date(1900, 1, 1), "2026.9.28",
    "二〇二六年", "x" * 32_000, "a\nb", "\U0001f600",
)  # fmt: skip


def _cells(sheet: Worksheet, delivery: Delivery, chance: random.Random) -> None:
    top = _header_row(sheet, delivery)
    column = chance.randint(1, max(1, sheet.max_column))
    rows = range(top + 1, max(top + 2, sheet.max_row + 1))
    for at in _some(len(rows), chance):
        sheet.cell(rows[at], column).value = chance.choice(_CELLS)  # type: ignore[assignment]


def _delete_rows(sheet: Worksheet, _: Delivery, chance: random.Random) -> None:
    sheet.delete_rows(chance.randint(1, max(1, sheet.max_row)), chance.choice((1, 2, 30)))


def _insert_rows(sheet: Worksheet, _: Delivery, chance: random.Random) -> None:
    sheet.insert_rows(chance.randint(1, max(1, sheet.max_row)), chance.choice((1, 2, 60)))


def _double_rows(sheet: Worksheet, _: Delivery, chance: random.Random) -> None:
    for row in list(sheet.iter_rows(values_only=True))[-chance.choice((1, 3, 500)) :]:
        sheet.append(list(row))


def _delete_columns(sheet: Worksheet, _: Delivery, chance: random.Random) -> None:
    sheet.delete_cols(chance.randint(1, max(1, sheet.max_column)))


def _insert_columns(sheet: Worksheet, _: Delivery, chance: random.Random) -> None:
    sheet.insert_cols(chance.randint(1, max(1, sheet.max_column)))


def _sheet_header(sheet: Worksheet, delivery: Delivery, chance: random.Random) -> None:
    row, column = _header_row(sheet, delivery), chance.randint(1, max(1, sheet.max_column))
    text = str(sheet.cell(row, column).value or "")
    others = (None, "改名", text + " ", " ".join(text), text + "\n(必填)", 7, delivery.columns[0])
    sheet.cell(row, column).value = chance.choice(others)


def _merge(sheet: Worksheet, delivery: Delivery, chance: random.Random) -> None:
    row, column = chance.randint(1, max(1, sheet.max_row)), chance.randint(1, max(1, sheet.max_column))
    sheet.merge_cells(start_row=row, start_column=column, end_row=row + chance.randint(0, 3), end_column=column + 1)


def _other_sheets(sheet: Worksheet, _: Delivery, chance: random.Random) -> None:
    book = sheet.parent
    assert book is not None
    other = book.create_sheet("说明", chance.choice((0, 1)))
    other["A1"] = "填表说明"
    chance.choice((sheet, other)).sheet_state = chance.choice(("hidden", "veryHidden", "visible"))


def _far_cell(sheet: Worksheet, _: Delivery, chance: random.Random) -> None:
    """A cell somebody touched by accident, far from the table."""
    row, column = chance.choice(((1_048_576, 1), (1, 16_384), (20_000, 300), (1_048_576, 16_384)))
    sheet.cell(row, column).value = "."


WORKBOOK_CHANGES: dict[str, Change] = {
    "archive: bits flipped": _flip_bits,
    "archive: bytes overwritten": _overwrite_bytes,
    "archive: run deleted": _delete_run,
    "archive: truncated": _truncate,
    "archive: emptied": _empty,
    "archive: garbage appended": _gzip_garbage,
    "archive: member dropped": _drop_member,
    "member: bits flipped": _member_change(_flip_bits),
    "member: bytes overwritten": _member_change(_overwrite_bytes),
    "member: run deleted": _member_change(_delete_run),
    "member: run duplicated": _member_change(_duplicate_run),
    "member: truncated": _member_change(_truncate),
    "member: numbers mangled": _member_change(_field_change(_replaced(_NUMBERS))),
    "cells replaced": _sheet_change(_cells),
    "more cells replaced": _sheet_change(_cells),
    "rows deleted": _sheet_change(_delete_rows),
    "rows inserted": _sheet_change(_insert_rows),
    "rows doubled": _sheet_change(_double_rows),
    "columns deleted": _sheet_change(_delete_columns),
    "columns inserted": _sheet_change(_insert_columns),
    "header cell changed": _sheet_change(_sheet_header),
    "cells merged": _sheet_change(_merge),
    "sheets added or hidden": _sheet_change(_other_sheets),
    "far cell": _sheet_change(_far_cell),
}
