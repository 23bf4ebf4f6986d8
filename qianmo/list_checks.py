"""What is wrong with marketing lists beyond their schema: tags, columns, material, legal basis, and expiry."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from qianmo.definitions import FEATURES, LIST_SQL, PLACEHOLDER, ListSql, MarketingList, bound, make_empty, model_columns
from qianmo.materials import Material
from qianmo.response_model import Forbidden

if TYPE_CHECKING:
    import duckdb

_SQL_TYPES: dict[str, tuple[tuple[str, ...], str]] = {
    "eligible": (("BOOLEAN",), "a comparison"),
    "response": (("DOUBLE", "FLOAT", "DECIMAL", "INTEGER"), "a number from 0 to 1"),
    "value": (("DOUBLE", "FLOAT", "DECIMAL", "INTEGER", "BIGINT", "HUGEINT"), "a number of yuan a year"),
    "reason": (("VARCHAR",), "a text"),
}

_RANKING: tuple[ListSql, ...] = ("response", "value")

_GROUNDS = ("授权", "同意", "合同")
"""What marketing may rest on: the person's consent, or a contract with the person (个人信息保护法 Article 13)."""


def list_faults(
    folder: Path,
    loaded: Sequence[MarketingList],
    tag_codes: set[str],
    materials: Mapping[str, Material],
    never: Sequence[Forbidden],
) -> list[str]:
    """One sentence per fault: file, field, what is wrong and what to do.

    Args:
        never: what may not rank anybody, neither by a model nor by a rule; it may decide who is eligible, where a
            product has limits of age, say.
    """
    import duckdb

    with duckdb.connect() as connection:
        make_empty(connection, FEATURES.stem)
        return [
            f"{folder / definition.code}.yml: {fault}"
            for definition in loaded
            for fault in (
                *_unbound(connection, definition, tag_codes),
                *_forbidden(definition, never, tag_codes),
                *_unapproved(definition, materials),
                *_without_basis(definition),
            )
        ]


def expired(loaded: Sequence[MarketingList], materials: Mapping[str, Material], day: date) -> list[str]:
    """Lists that take nobody on a date, because they or their material are past their expiry or not yet approved."""
    return [
        f"{definition.code}: {fault}"
        for definition in loaded
        for fault in (
            *_past(definition, day),
            *_material_past(definition, materials[definition.material_id], day),
        )
    ]


def _past(definition: MarketingList, day: date) -> Iterator[str]:
    if definition.expires_on <= day:
        yield f"expires_on: {definition.expires_on} has come: review the definition and give it a new date"


def _material_past(definition: MarketingList, material: Material, day: date) -> Iterator[str]:
    name = f"material_id: {definition.material_id}"
    if material.expires_on <= day:
        yield f"{name} expired on {material.expires_on}: have the material approved anew, or name another"
    if material.approved_on > day:
        yield f"{name} is approved from {material.approved_on} on only: name another, or wait"


def _unbound(connection: "duckdb.DuckDBPyConnection", definition: MarketingList, tag_codes: set[str]) -> Iterator[str]:
    for field in LIST_SQL:
        expression: str = getattr(definition, field)
        if unknown := sorted(set(PLACEHOLDER.findall(expression)) - tag_codes):
            near = get_close_matches(unknown[0], tag_codes, n=3)
            hint = f" (near: {', '.join(near)})" if near else ""
            yield f"{field}: there is no tag {unknown[0]}{hint}: correct the name or add the tag"
            continue
        kind, fault = bound(connection, definition.sql(field), FEATURES.stem)
        kinds, wanted = _SQL_TYPES[field]
        if fault:
            yield f"{field}: {fault}"
        elif not kind.startswith(kinds):
            yield f"{field}: gives {kind}: write {wanted}"


def _forbidden(definition: MarketingList, never: Sequence[Forbidden], tag_codes: set[str]) -> Iterator[str]:
    known = model_columns(FEATURES.stem)
    for field in _RANKING:
        if not tag_codes.issuperset(PLACEHOLDER.findall(getattr(definition, field))):
            continue  # told by _unbound
        words = set(re.findall(r"\w+", re.sub(r"'[^']*'", "", definition.sql(field))))
        for column in sorted(words & known.keys()):
            if reason := next((one.reason for one in never if one.is_in(column)), None):
                yield f"{field}: {column} must not rank customers ({reason}): leave it out"


def _unapproved(definition: MarketingList, materials: Mapping[str, Material]) -> Iterator[str]:
    material = materials.get(definition.material_id)
    if material is None:
        yield (
            f"material_id: {definition.material_id} is not in materials.yml: "
            "have the material approved and enter it there, or name an approved one"
        )
        return
    if definition.channel not in material.channels:
        yield (
            f"material_id: {definition.material_id} is approved for {', '.join(material.channels)}, "
            f"not for {definition.channel}: name another material or channel"
        )
    if definition.product_code != material.product_code:
        yield (
            f"material_id: {definition.material_id} is approved for product {material.product_code}, "
            f"not for {definition.product_code}: name another material or product"
        )


def _without_basis(definition: MarketingList) -> Iterator[str]:
    if not any(ground in definition.legal_basis for ground in _GROUNDS):
        yield (
            f"legal_basis: {definition.legal_basis!r} names no ground for marketing: "
            f"say on which {' / '.join(_GROUNDS)} it rests"
        )
