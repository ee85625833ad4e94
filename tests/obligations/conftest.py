"""Fixtures of the store's tests."""

from tests.support.obligations import postgres_server, store, store_url

__all__ = ["postgres_server", "store", "store_url"]
