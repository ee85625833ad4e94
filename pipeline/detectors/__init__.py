"""Elements whose KPIs, taken together, are odd: a model trained from the history, and the process that asks it. The only scikit-learn code."""
