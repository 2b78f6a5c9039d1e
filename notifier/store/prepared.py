"""Statements that run for every message and every change: compiled once, and on a file run without detours.

SQLAlchemy needs several times as long around such a statement as SQLite needs for it: it looks the compiled
form up, builds a context, and reads each value of a row by its name through three layers. What it is good at,
saying statements in terms of the tables for two kinds of database, and turning values into columns and back,
is used here as well, but once for a statement. A server is asked in SQLAlchemy's usual way: the network costs
more than it does, and it knows when a connection is lost.
"""

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Dialect,
    Insert,
    RowMapping,
    Select,
    Text,
    TypeDecorator,
    Update,
    bindparam,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType, TypeEngine

from notifier.store.driver import find_driver

Statement: TypeAlias = "Select[Any] | Insert | Update | Delete"
Row: TypeAlias = "Mapping[str, Any] | RowMapping"
"""A row by the names of its columns."""

Values: TypeAlias = Mapping[str, Any]
"""What a statement is run with, by the names of its parameters."""

_Process: TypeAlias = Callable[[Any], Any]


class Prepared:
    """One statement, made at import and compiled by its first run; all runs give values for the same names.

    Raises what the database's driver or SQLAlchemy raises, as any statement does.
    """

    def __init__(self, statement: Statement) -> None:
        self._statement = statement
        self._direct: _Direct | None = None

    def read(self, connection: Connection, values: Values) -> Sequence[Row]:
        """Run it, and return all rows that it gives."""
        driver = _find_file(connection)
        if driver is None:
            return connection.execute(self._statement, values).mappings().all()
        direct = self._direct or self._compile(connection.dialect, values)
        return direct.read(driver, values)

    def run(self, connection: Connection, values: Values) -> None:
        """Run it once; it gives no rows."""
        driver = _find_file(connection)
        if driver is None:
            connection.execute(self._statement, values)
            return
        direct = self._direct or self._compile(connection.dialect, values)
        driver.execute(direct.text, direct.bind(values))

    def run_many(self, connection: Connection, many: Sequence[Values]) -> None:
        """Run it for each of at least one set of values; it gives no rows."""
        driver = _find_file(connection)
        if driver is None:
            connection.execute(self._statement, many)
            return
        direct = self._direct or self._compile(connection.dialect, many[0])
        driver.executemany(direct.text, map(direct.bind, many))

    def count(self, connection: Connection, many: Sequence[Values]) -> int:
        """Run it for each of at least one set of values, and return how many rows that has changed."""
        driver = _find_file(connection)
        if driver is None:
            counted = self._statement.execution_options(preserve_rowcount=True)
            return connection.execute(counted, many).rowcount
        direct = self._direct or self._compile(connection.dialect, many[0])
        return driver.executemany(direct.text, map(direct.bind, many)).rowcount

    def _compile(self, dialect: Dialect, values: Values) -> "_Direct":
        self._direct = _Direct(self._statement, dialect, values)
        return self._direct


class _Direct:
    """A statement as the driver of files takes it: its text, and how values become parameters and back."""

    def __init__(self, statement: Statement, dialect: Dialect, values: Values) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=list(values))
        if not isinstance(compiled, SQLCompiler):
            raise TypeError(type(compiled).__name__)
        form = compiled.construct_expanded_state(dict(values))
        self.text: Final = form.statement
        self._names_given: Final = len(values)
        order = form.positiontup or ()
        # A value that stands in many places, as the present instant does, is made fit for the driver once.
        writers = ((name, _find_writer(compiled, name, dialect)) for name in dict.fromkeys(order))
        self._writers = [(name, write) for name, write in writers if write is not None]
        self._constants = {name: value for name, value in form.parameters.items() if name not in values}
        self._order = order
        columns = statement.exported_columns.items()
        self._names = [str(name) for name, _ in columns]
        readers = ((str(name), _find_reader(column.type, dialect)) for name, column in columns)
        self._readers = [(name, reader) for name, reader in readers if reader is not None]

    def bind(self, values: Values) -> list[Any]:
        """Return the parameters, in their order. Raises TypeError or KeyError where the names are others."""
        if len(values) != self._names_given:
            raise TypeError(f"a statement of {self._names_given} names cannot take {', '.join(values)}")
        given = {**self._constants, **values}
        for name, write in self._writers:
            given[name] = write(given[name])
        return [given[name] for name in self._order]

    def read(self, driver: sqlite3.Connection, values: Values) -> list[Row]:
        """Run it, and return its rows."""
        names, readers = self._names, self._readers
        found: list[Row] = []
        for row in driver.execute(self.text, self.bind(values)):
            named = dict(zip(names, row, strict=True))
            for name, read in readers:
                named[name] = read(named[name])
            found.append(named)
        return found


def _find_file(connection: Connection) -> sqlite3.Connection | None:
    """Return the driver's connection where the database is a file, with a transaction begun on it."""
    if connection.dialect.name != "sqlite":
        return None
    if not connection.in_transaction():
        connection.begin()
    return find_driver(connection)


def _find_writer(compiled: SQLCompiler, name: str, dialect: Dialect) -> _Process | None:
    # The values of a list that stands in the statement are texts, and not among its own parameters.
    bound = compiled.binds.get(name)
    return None if bound is None else bound.type.dialect_impl(dialect).bind_processor(dialect)


def _find_reader(kind: TypeEngine[Any], dialect: Dialect) -> _Process | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None)


_RARE: Final = "\\u000"
"""What JSON makes of NUL, behind which some SQLite reads a text no further, and of its neighbours."""


class TextList(TypeDecorator[Sequence[str]]):
    """Some texts as one value: an array, or JSON where there are no arrays."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type that the database has for it."""
        if dialect.name != "postgresql":
            return dialect.type_descriptor(Text())
        from sqlalchemy.dialects.postgresql import ARRAY  # noqa: PLC0415 - long to import, and not for a file

        return dialect.type_descriptor(ARRAY(Text()))

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> Any:
        """Return what stands for some texts."""
        texts = list(value or ())
        if dialect.name == "postgresql":
            return texts
        written = json.dumps(texts)
        if _RARE in written:
            written = json.dumps([one.replace("\1", "\1a").replace("\0", "\1b") for one in texts])
        return written


class _Among(FunctionElement[bool]):
    """Whether a column is one of the texts of a list that is one value."""

    name = "among"
    # Not Boolean: of one SQLAlchemy makes `… = 1`, and no index is used for that.
    type: TypeEngine[Any] = NullType()
    inherit_cache = True


def among(column: ColumnElement[str], name: str) -> ColumnElement[bool]:
    """Return whether a column is one of the texts that are given as `name`, however many these are.

    With `IN` each number of texts would be a statement of its own.
    """
    return _Among(column, bindparam(name, type_=TextList()))


@compiles(_Among)
def _read_json(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, texts = (compiler.process(part, **options) for part in element.clauses)
    value = (
        "CASE WHEN instr(value, char(1)) "
        "THEN replace(replace(value, char(1, 98), char(0)), char(1, 97), char(1)) ELSE value END"
    )
    return f"{column} IN (SELECT {value} FROM json_each({texts}))"  # noqa: S608 - of compiled parts


@compiles(_Among, "postgresql")
def _read_array(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, texts = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} = ANY ({texts})"
