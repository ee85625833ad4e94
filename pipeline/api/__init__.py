"""Northbound: the read-only console for people and the same answers as JSON."""
