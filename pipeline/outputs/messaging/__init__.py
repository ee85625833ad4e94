"""Customers are told: by e-mail, or by the operator's own messaging (TMF681)."""
