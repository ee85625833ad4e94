"""YAML -> frozen dataclasses; the one decoder; every problem at once with file, line and remedy."""
