"""The only Faust code: topics, tables, thin agents, ticks. Decisions are made in ``core``."""
