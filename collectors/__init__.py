"""Processes that face the network: what it says is in a journal before anything reads it, and on a topic after."""
