"""The only outbound HTTP: tickets, webhooks and billing behind one outbox, and the built-in ticket book."""

from pipeline.outputs.run import run_outputs

__all__ = ["run_outputs"]
