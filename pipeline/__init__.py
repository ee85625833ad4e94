"""Streaming service assurance: from one trap to an explained incident, a ticket, a credit and a queryable history."""

__version__ = "0.1.0"
