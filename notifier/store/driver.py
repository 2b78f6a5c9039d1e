"""The driver's own connection to a file: for what SQLAlchemy has no words, or too many."""

import sqlite3

from sqlalchemy import Connection


def find_driver(connection: Connection) -> sqlite3.Connection:
    """Return what SQLAlchemy's connection to a file stands on."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        raise TypeError(type(driver).__name__)
    return driver
