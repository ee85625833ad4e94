"""Elements whose KPIs, taken together, are odd: models trained from the history, and the process that asks them."""
