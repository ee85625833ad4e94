"""Migrations of the obligations store, one file each in ``versions/``; :mod:`pipeline.obligations.migrate` runs them."""
