"""The past run through the present: journals in, and what the same core, with these or other rules, would have made of them."""
