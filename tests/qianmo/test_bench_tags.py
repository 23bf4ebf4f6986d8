"""The three ways of keeping tags that the benchmark compares count the same customers."""

import pytest

from qianmo.bench_tags import bench_tags, combinations


def test_every_way_counts_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """bench_tags itself refuses counts that differ; how long they take is not judged here."""
    bench_tags(lambda _: None, customers=2_000, number=21)
    printed = capsys.readouterr().out
    for way in ("wide", "long", "bitmaps", "overlap of every pair"):
        assert f"\n{way}" in printed


def test_combinations_have_every_size_and_operator() -> None:
    made = combinations([f"tag_{n}" for n in range(150)], 40)
    assert {len(one.all + one.some + one.none) for one in made} == {2, 3, 4, 5, 6, 7, 8}
    assert any(one.some for one in made)
    assert any(one.none for one in made)
    assert all(one.all for one in made)
