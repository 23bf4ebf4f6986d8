"""Forms in which names that sound or look alike are the same, for linkage on surrogates; character by character.

A form is a text of as many characters as the name, each replaced by one that stands for all that sound, or look, like
it. Nobody reads a form: it becomes a surrogate at landing.
"""

import csv
import unicodedata
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Stands = NDArray[np.uint32]
"""By code point, the code point that stands for it; itself where nothing is known of it."""

SIMILAR_GLYPHS = Path(__file__).parent / "similar_glyphs.csv"
_CODE_POINTS = 0x110000
_MERGED_INITIALS = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("n", "l"))
_MERGED_FINALS = (("ing", "in"), ("eng", "en"))
"""Told apart in Putonghua, not in the Jianghuai Mandarin of central Jiangsu (江苏省志·方言志 on 平翘舌, 鼻边音 and
前后鼻音), and so not by people who write a name as they hear it."""


def toneless(reading: str) -> str:
    """A pinyin syllable without its tone: lǚ is lü."""
    marks = unicodedata.normalize("NFD", reading)
    return unicodedata.normalize("NFC", "".join(c for c in marks if c == "\u0308" or not unicodedata.combining(c)))


def merged(syllable: str) -> str:
    """A toneless syllable as it is told apart by ear here."""
    for written, heard in _MERGED_INITIALS:
        if syllable.startswith(written):
            syllable = heard + syllable.removeprefix(written)
            break
    for written, heard in _MERGED_FINALS:
        if syllable.endswith(written):
            return syllable.removesuffix(written) + heard
    return syllable


@lru_cache
def sounds() -> Stands:
    """For every character the first one that sounds like it, by the first reading that pypinyin knows."""
    from pypinyin.pinyin_dict import pinyin_dict

    stands = np.arange(_CODE_POINTS, dtype=np.uint32)
    first: dict[str, int] = {}
    for code, readings in sorted(pinyin_dict.items()):
        stands[code] = first.setdefault(merged(toneless(readings.split(",")[0])), code)
    return stands


@lru_cache
def shapes() -> Stands:
    """For every character of a group in `similar_glyphs.csv` the group's first one."""
    stands = np.arange(_CODE_POINTS, dtype=np.uint32)
    with SIMILAR_GLYPHS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            group = row["characters"]
            stands[[ord(character) for character in group]] = ord(group[0])
    return stands


def with_stands(names: pa.ChunkedArray, stands: Stands) -> pa.Array:
    """Every character of every name replaced; null stays null. A table look-up on all characters at once."""
    texts = pc.fill_null(pa.concat_arrays(names.chunks) if names.num_chunks else pa.array([], pa.string()), "")
    ends = np.cumsum(pc.utf8_length(texts).to_numpy(zero_copy_only=False))
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), texts), "")[0].as_py()
    codes = stands[np.frombuffer(joined.encode("utf-32-le"), np.uint32)]
    # a form may take another number of bytes than its name, so each name's end is found anew
    sizes = np.searchsorted(np.array([0x80, 0x800, 0x10000]), codes, side="right") + 1
    offsets = np.zeros(len(texts) + 1, np.int32)
    offsets[1:] = np.r_[0, np.cumsum(sizes)][ends]
    content = codes.tobytes().decode("utf-32-le").encode()
    forms = pa.StringArray.from_buffers(len(texts), pa.py_buffer(offsets), pa.py_buffer(content))
    return pc.if_else(pc.is_valid(names), forms, None)


def sound_form(names: pa.ChunkedArray) -> pa.Array:
    """Equal for names that sound alike."""
    return with_stands(names, sounds())


def shape_form(names: pa.ChunkedArray) -> pa.Array:
    """Equal for names whose characters look alike."""
    return with_stands(names, shapes())
