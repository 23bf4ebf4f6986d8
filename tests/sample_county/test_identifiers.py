"""Identifiers and apportioning, against rules written out here once more."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sample_county.identifiers import (
    credit_codes,
    day_number,
    fifteen_digits,
    mistyped,
    resident_ids,
    sequence_within,
)
from sample_county.randomness import apportion, stream
from sample_county.writing import money, write_csv, write_fixed_width

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def is_valid(identifier: str) -> bool:
    if len(identifier) != 18:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(identifier[:17], WEIGHTS, strict=True))
    return "10X98765432"[total % 11] == identifier[17].upper()


@pytest.fixture
def ids() -> pa.Array:
    random = np.random.default_rng(1)
    births = random.integers(day_number(date(1930, 1, 1)), day_number(date(1999, 12, 31)), 500)
    return resident_ids("321281", np.r_[births, births], np.r_[births % 2 == 0, births % 2 == 0])


def test_resident_ids_are_valid_and_unique(ids: pa.Array) -> None:
    assert all(is_valid(value) for value in ids.to_pylist())
    assert len(set(ids.to_pylist())) == len(ids)


def test_a_known_id_number() -> None:
    # 11010519491231002X is the standard's own example (GB 11643-1999).
    assert is_valid("11010519491231002X")
    made = resident_ids("321281", np.array([day_number(date(1949, 12, 31))]), np.array([False]))
    assert made[0].as_py()[6:14] == "19491231"
    assert int(made[0].as_py()[16]) % 2 == 0


def test_mistyped_ids_are_never_valid(ids: pa.Array) -> None:
    wrong = mistyped(ids).to_pylist()
    assert not any(is_valid(value) for value in wrong)
    assert all(sum(a != b for a, b in zip(w, v, strict=True)) <= 2 for w, v in zip(wrong, ids.to_pylist(), strict=True))


def test_fifteen_digits_leave_out_century_and_check(ids: pa.Array) -> None:
    old, new = fifteen_digits(ids)[0].as_py(), ids[0].as_py()
    assert old == new[:6] + new[8:17]


def test_credit_codes_have_valid_check_characters() -> None:
    characters = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    weights = [pow(3, i, 31) for i in range(17)]
    for value in credit_codes(
        "321281", np.arange(1, 300), np.array(["91", "92", "11"] * 99 + ["93", "12"])
    ).to_pylist():
        total = sum(characters.index(c) * w for c, w in zip(value[:17], weights, strict=True))
        assert characters[(31 - total % 31) % 31] == value[17]


@given(st.integers(0, 10_000), st.lists(st.floats(0.01, 100), min_size=1, max_size=30))
def test_apportion_gives_the_whole(total: int, weights: list[float]) -> None:
    shares = apportion(total, np.array(weights))
    assert shares.sum() == total
    exact = total * np.array(weights) / sum(weights)
    assert (np.abs(shares - exact) < 1 + 1e-6).all()


def test_apportion_says_when_it_cannot() -> None:
    with pytest.raises(ValueError, match="at least 5"):
        apportion(9, np.array([1.0, 1.0]), least=5)


@given(st.lists(st.integers(0, 4), max_size=40))
def test_sequence_within_counts_from_zero(groups: list[int]) -> None:
    ranks = sequence_within(np.array(groups, dtype=np.int64))
    seen: dict[int, int] = {}
    for group, rank in zip(groups, ranks.tolist(), strict=True):
        assert rank == seen.get(group, 0)
        seen[group] = rank + 1


def test_streams_depend_on_seed_and_purpose() -> None:
    first = stream(1, "people").random(4).tolist()
    assert first == stream(1, "people").random(4).tolist()
    assert first != stream(2, "people").random(4).tolist()
    assert first != stream(1, "places").random(4).tolist()


def test_money_text() -> None:
    assert money(np.array([0, 5, -5, 123456, -123456])).to_pylist() == ["0.00", "0.05", "-0.05", "1234.56", "-1234.56"]


def test_fixed_width_counts_bytes(tmp_path) -> None:  # type: ignore[no-untyped-def]
    write_fixed_width(tmp_path / "x.txt", [(pa.array(["王伟", "张三丰", None]), 8), (pa.array(["1", "2", "3"]), 2)])
    lines = (tmp_path / "x.txt").read_bytes().split(b"\n")[:-1]
    assert [len(line) for line in lines] == [10, 10, 10]
    assert [line[8:9] for line in lines] == [b"1", b"2", b"3"]


def test_csv_quotes_only_what_needs_it(tmp_path) -> None:  # type: ignore[no-untyped-def]
    write_csv(tmp_path / "x.csv", {"a": pa.array(["1,2", 'say "x"', None]), "b": pa.array(["y", None, "z"])})
    assert (tmp_path / "x.csv").read_text(encoding="utf-8") == 'a,b\n"1,2",y\n"say ""x""",\n,z\n'
