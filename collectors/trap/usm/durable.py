"""A small file replaced whole: after a crash it holds what it held before, or the new content, and nothing between."""

import os
from pathlib import Path


def replace(path: Path, content: bytes) -> None:
    """Write ``content``, durable when this returns. Raises ``OSError``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, content)
        os.fsync(file)
    finally:
        os.close(file)
    new.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Make what was written to a file or folder durable, whoever wrote it. Raises ``OSError``."""
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
