"""Ticket systems: one small file each, behind one interface (:mod:`pipeline.outputs.ticketing.system`)."""
