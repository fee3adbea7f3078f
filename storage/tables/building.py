"""What every table is made of: one metadata with names for constraints, and short ways to write a column."""

from typing import Any, ClassVar

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Integer, MetaData
from sqlmodel import Field, SQLModel

from storage.columns import StorableJson, StorableText, UtcDateTime

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
NEVER_REUSE_IDS = {"sqlite_autoincrement": True}
"""Lineage must not point to a newer row that inherited a deleted row's id."""


class Row(SQLModel):
    """What every table shares: one metadata with names for its constraints, so that migrations can drop them."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMING)


def id_field() -> Any:
    """A key that the database gives out."""
    return Field(default=None, sa_column=Column(Integer, primary_key=True))


def text_field(*, key: bool = False, optional: bool = False, default: str | None = None) -> Any:
    """Text."""
    column: Column[str] = Column(StorableText, primary_key=key, nullable=optional)
    if optional or default is not None:
        return Field(default=default, sa_column=column)
    return Field(sa_column=column)


def integer_field(*, key: bool = False, optional: bool = False, default: int | None = None, big: bool = False) -> Any:
    """A whole number; a `big` one has 64 bits."""
    kind = BigInteger if big else Integer
    column: Column[int] = Column(kind, primary_key=key, nullable=optional, autoincrement=False)
    return Field(default=default, sa_column=column)


def float_field(*, optional: bool = False) -> Any:
    """A number."""
    return Field(default=None, sa_column=Column(Float, nullable=optional))


def boolean_field(*, default: bool | None = None) -> Any:
    """Yes or no."""
    column: Column[bool] = Column(Boolean, nullable=False)
    return Field(sa_column=column) if default is None else Field(default=default, sa_column=column)


def time_field(*, optional: bool = False) -> Any:
    """An aware time."""
    return Field(default=None, sa_column=Column(UtcDateTime, nullable=optional))


def json_field(*, optional: bool = False) -> Any:
    """JSON."""
    return Field(default=None, sa_column=Column(StorableJson, nullable=optional))


def link_field(target: str, *, on_delete: str, key: bool = False, optional: bool = False) -> Any:
    """The id of a row of another table, and what becomes of this one when that is deleted."""
    column: Column[int] = Column(
        Integer, ForeignKey(target, ondelete=on_delete), primary_key=key, nullable=optional, autoincrement=False
    )
    return Field(default=None, sa_column=column)
