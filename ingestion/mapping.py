"""Mapping as one DuckDB query: source text to typed contract columns, and the first fault of each row.

A fault is `<column>|<reason>`; reasons are encoding, field_count, formula_error, digits_lost, type, required, accepted,
duplicate_key and legal_basis. Rows that the description's `where` leaves out are not part of the table.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

import duckdb

from ingestion.bank import TableDescription
from ingestion.contract import Column, Contract
from ingestion.readers.rows import Rows
from ingestion.surrogate import normalised
from ingestion.telling import header_told
from qianmo.errors import ConfigurationError, DataRefusedError

_WIDTHS = {"Y": 4, "y": 2, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}

SHORTENED = r"[+-]?[0-9](\.[0-9]+)?[eE]\+[0-9]{1,3}"
"""What a worksheet makes of a long number: its last digits are lost."""


def quoted(name: str) -> str:
    """An identifier in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"


def source_column(name: str) -> str:
    """A source column, already trimmed; NULL when it is empty."""
    return f"nullif({quoted(name)}, '') as {quoted(name)}"


def mapped_columns(contract: Contract) -> dict[str, str]:
    """Columns of the mapped rows and their DuckDB types."""
    kept = {"_row": "bigint", "_file": "integer", "_line": "bigint", "_fault": "varchar", "_selected": "boolean"}
    return kept | {column.name: column.duckdb_type for column in contract.columns}


def _parsed(sql: str, date_format: str) -> str:
    """A date or timestamp by one format; a format without separators takes texts of its exact width only."""
    parsed = f"try_strptime({sql}, {literal(date_format)})"
    directives = re.findall(r"%([a-zA-Z])", date_format)
    if re.sub(r"%[a-zA-Z]", "", date_format) or not all(d in _WIDTHS for d in directives):
        return parsed
    return f"case when length({sql}) = {sum(_WIDTHS[d] for d in directives)} then {parsed} end"


def typed(column: Column, sql: str, from_type: str, date_formats: list[str]) -> str:
    """SQL of the value in the contract's type, NULL where the text is no such value; what goes to the vault is text."""
    if column.vault:
        return f"({sql})::varchar"
    if from_type != "VARCHAR" or column.type in ("text", "boolean") or column.type.startswith("decimal"):
        return f"try_cast({sql} as {column.duckdb_type})"
    if column.type in ("date", "timestamp"):
        tried = [f"try_cast({_parsed(sql, date_format)} as {column.duckdb_type})" for date_format in date_formats]
        return f"coalesce({', '.join([*tried, f'try_cast({sql} as {column.duckdb_type})'])})"
    if column.type == "integer":
        whole = f"try_cast({sql} as bigint)"
        return f"case when try_cast({sql} as decimal(38, 6)) = {whole} then {whole} end"
    return f"case when isfinite(try_cast({sql} as double)) then try_cast({sql} as double) end"


def _digits_lost(column: Column, text: str) -> list[str]:
    """The branch for a long number in scientific notation: what stood behind the last digit shown is gone."""
    if column.type != "text" and column.type != "integer" and not column.type.startswith("decimal"):
        return []
    if column.vault == "id_number" and not column.required:
        return []  # lands as an ID number that is not valid: the person is known by other marks
    shortened = f"regexp_full_match({text}, {literal(SHORTENED)})"
    return [f"when {shortened} then {literal(f'{column.name}|digits_lost')}"]


def _fault(column: Column, text: str) -> list[str]:
    """Branches of a CASE: when the column's value is at fault."""
    value = quoted(column.name)
    branches = []
    if column.type != "text":
        branches.append(f"when {text} is not null and {value} is null then {literal(f'{column.name}|type')}")
    if column.required:
        needed = normalised(column.vault, value) if column.vault else value
        branches.append(f"when {needed} is null then {literal(f'{column.name}|required')}")
    if column.accepted:
        domain = ", ".join(literal(word) for word in column.accepted)
        branches.append(f"when {value} not in ({domain}) then {literal(f'{column.name}|accepted')}")
    return branches


def _references(connection: duckdb.DuckDBPyConnection, sql: str) -> set[str]:
    """The columns that an expression names; none when it is no SQL."""
    parsed = json.loads(connection.execute("select json_serialize_sql(?)", [f"select {sql}"]).fetchall()[0][0])
    found: set[str] = set()
    parameters: set[str] = set()
    nodes: list[Any] = [parsed]
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            if node.get("class") == "COLUMN_REF":
                found.add(node["column_names"][0])
            if node.get("class") == "LAMBDA":
                parameters.update(node["lhs"].get("column_names", []))
            nodes += node.values()
        elif isinstance(node, list):
            nodes += node
    return found - parameters


class Mapping:
    """The query of one description over a relation of source rows."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        contract: Contract,
        description: TableDescription,
        file: str,
        rows: Rows,
        where_described: str,
    ) -> None:
        """`rows` are those of `file`. Lookup tables `lookup_<name>` are on the connection already.

        Raises:
            ConfigurationError: an expression is no SQL over the described columns.
            DataRefusedError: a column that is not there is needed for one that the contract requires.
        """
        columns = rows.columns
        self._contract = contract
        self._description = description
        self._map = dict(description.map)
        self._file = file
        self._rows = rows
        self._columns = columns
        self.absent: list[str] = []
        """Header texts of columns that are not there and whose contract columns are NULL for it."""
        self._described = where_described
        self._connection = connection
        if hidden := sorted(set(description.lookups) & set(columns)):
            raise ConfigurationError(f"{where_described}.lookups: a source column is also called {', '.join(hidden)}")
        try:
            self._types = self._bound()
        except duckdb.Error as error:
            self._do_without(error)
            self._types = self._bound()
        self.taken_over = {
            column.name: source
            for column in contract.columns
            if column.type == "text" and not column.vault
            if (source := self._map.get(column.name, "").strip()) in columns
        }
        """Text columns whose expression is a source column as it is: to that column. `query` leaves them out."""

    def _source(self, relation: str) -> str:
        """Source columns, and one struct column per lookup."""
        values = ", ".join(source_column(column) for column in self._columns)
        rows = f"select _row, _file, _line, _fault, {values} from {relation}"
        for name, lookup in self._description.lookups.items():
            table = quoted(f"lookup_{name}")
            on = " and ".join(f"_found._key_{at} = ({sql})" for at, sql in enumerate(lookup.key.values()))
            rows = (
                f"select _rows.*, _found._value as {quoted(name)} from ({rows}) as _rows"
                f" left join {table} as _found on {on}"
            )
        return f"({rows})"

    def _expressions(self, relation: str) -> str:
        """Every mapped expression before it is typed, as `_0`, `_1`, …, and `_selected`."""
        selected = ", ".join(
            f"({self._map.get(column.name, 'null::varchar')}) as _{at}"
            for at, column in enumerate(self._contract.columns)
        )
        where = self._description.where or "true"
        return (
            f"select _row, _file, _line, _fault, _fault is not null or ({where}) as _selected, {selected}"
            f" from {self._source(relation)}"
        )

    def _bound(self) -> list[str]:
        """The types of the mapped expressions.

        Raises:
            duckdb.Error: one is no SQL over the columns.
        """
        shape = ", ".join(f"null::varchar as {quoted(column)}" for column in self._columns)
        relation = (
            "(select null::bigint as _row, null::integer as _file, null::bigint as _line, null::varchar as _fault,"
            f" {shape})"
        )
        described = self._connection.execute(f"describe {self._expressions(relation)}").fetchall()
        return [str(row[1]) for row in described if re.fullmatch(r"_[0-9]+", str(row[0]))]

    def _do_without(self, error: duckdb.Error) -> None:
        """Leave out contract columns whose expressions do not bind because a column of the source is not there.

        Raises:
            ConfigurationError: an expression is at fault in another way, which `error` tells.
            DataRefusedError: one of them is required, or the rows or a lookup are chosen by the column.
        """
        needing = [name for name, sql in self._map.items() if not self._binds(sql)]
        choosing = [self._description.where] if self._description.where else []
        choosing += [sql for lookup in self._description.lookups.values() for sql in lookup.key.values()]
        choosing = [sql for sql in choosing if not self._binds(sql)]
        missing = {sql: self._missing(sql) for sql in [*choosing, *(self._map[name] for name in needing)]}
        if not missing or not all(missing.values()):
            raise ConfigurationError(
                f"{self._described}: map, where or lookups: {str(error).splitlines()[0]}"
            ) from None
        needed = {c.name for c in self._contract.columns if c.required} | set(self._contract.key)
        required = sorted(needed.intersection(needing))
        if required or choosing:
            texts = sorted(
                {text for sql in [*choosing, *(self._map[name] for name in required)] for text in missing[sql]}
            )
            uses = required + (["where or lookups"] if choosing else [])
            header = self._rows.header
            used = {name for sql in self._map.values() for name in _references(self._connection, sql)}
            expected = used if header.absent is None else header.known
            found = header_told(expected, header.texts or self._columns)
            raise DataRefusedError(
                f"{self._file}: expected header column {', '.join(texts)} (for {', '.join(uses)}), found {found}"
            )
        self.absent = sorted({text for texts in missing.values() for text in texts})
        self._map = {name: sql for name, sql in self._map.items() if name not in needing}

    def _binds(self, sql: str, more: Iterable[str] = ()) -> bool:
        """Whether an expression is SQL over the columns, with or without `more`."""
        columns = ", ".join(f"null::varchar as {quoted(column)}" for column in [*self._columns, *more])
        lookups = "".join(
            f", (select _value as {quoted(name)} from {quoted(f'lookup_{name}')})" for name in self._description.lookups
        )
        try:
            self._connection.execute(f"describe select {sql} from (select {columns}){lookups}")
        except duckdb.Error:
            return False
        return True

    def _missing(self, sql: str) -> list[str]:
        """Header texts of the columns that an expression lacks; none when it is at fault in another way."""
        there = {name.lower() for name in (*self._columns, *self._description.lookups)}
        names = [name for name in sorted(_references(self._connection, sql)) if name.lower() not in there]
        absent = self._rows.header.absent
        known = names if absent is None else [name for name in names if name in absent]
        if not known or not self._binds(sql, known):
            return []
        return known if absent is None else [absent[name] for name in known]

    def query(self, relation: str, basis_fault: str | None, may_be_shortened: bool) -> str:
        """Rows with `mapped_columns` but for those taken over; `basis_fault` is given to every row without another.

        `may_be_shortened`: look for numbers that a worksheet shortened, which no clean unload has to pay for.
        """
        values, branches = [], ["when _fault is not null then '|' || _fault"]
        for at, (column, from_type) in enumerate(zip(self._contract.columns, self._types, strict=True)):
            sql = typed(column, f"_{at}", from_type, self._description.date_formats)
            values.append(f"{sql} as {quoted(column.name)}")
            if may_be_shortened and from_type == "VARCHAR":
                branches += _digits_lost(column, f"_{at}")
            branches += _fault(column, f"_{at}")
        if basis_fault:
            branches.append(f"else {literal(basis_fault)}")
        names = "".join(f", {quoted(c.name)}" for c in self._contract.columns if c.name not in self.taken_over)
        texts = ", ".join(f"_{at}" for at in range(len(values)))
        return (
            f"select _row, _file, _line, case {' '.join(branches)} end as _fault, _selected{names} from ("
            f"select _row, _file, _line, _fault, _selected, {texts}, {', '.join(values)}"
            f" from ({self._expressions(relation)}))"
        )
