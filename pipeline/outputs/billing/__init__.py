"""Credits: entered into the ledger as effects come, posted to the billing system after people have approved them, and read back there."""

from pipeline.outputs.billing.intake import BillingOutput
from pipeline.outputs.billing.poster import Poster
from pipeline.outputs.billing.systems import billing_system

__all__ = ["BillingOutput", "Poster", "billing_system"]
