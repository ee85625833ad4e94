"""The only SQLAlchemy code: outbox, receipts, ticket links, credit ledger, approvals and the built-in ticket book's tables."""

from pipeline.obligations.engine import StoreError
from pipeline.obligations.migrate import upgrade
from pipeline.obligations.store import Obligations

__all__ = ["Obligations", "StoreError", "upgrade"]
