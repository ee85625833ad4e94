"""Where a secret comes from: the environment, a file that only its owner can read, or, with a warning, the configuration itself."""

import stat
from collections.abc import Mapping
from pathlib import Path

from pipeline.config.secret import Secret

_MAX_BYTES = 65_536


class SecretError(ValueError):
    """A secret that cannot be had; the message never holds any of it."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(f"{message}; {remedy}")
        self.message = message
        self.remedy = remedy


def find_secret(text: str, base: Path, environ: Mapping[str, str]) -> tuple[Secret, str]:
    """The secret that ``env:NAME``, ``file:PATH`` (relative to ``base``) or a literal stands for, and a warning, empty if there is none.

    A final newline of a file is not part of the secret. Raises ``SecretError``.
    """
    source, _, rest = text.partition(":")
    if source == "env":
        return _from_environment(rest, environ), ""
    if source == "file":
        return _from_file((base / Path(rest).expanduser()).resolve()), ""
    return Secret(text), "a secret stands here in clear text" if text else ""


def _from_environment(name: str, environ: Mapping[str, str]) -> Secret:
    if name not in environ:
        raise SecretError(f"the environment has no {name}", f"export {name}=… before starting")
    return Secret(environ[name])


def _from_file(path: Path) -> Secret:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
            raise SecretError(f"{path} is not a small regular file", "name the file that holds the secret alone")
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise SecretError(f"others can read {path} (mode {stat.S_IMODE(status.st_mode):04o})", f"chmod 600 {path}")
        return Secret(path.read_text(encoding="utf-8").removesuffix("\n"))
    except UnicodeDecodeError:
        raise SecretError(f"{path} is not UTF-8 text", "write the secret as text") from None
    except OSError as error:
        raise SecretError(f"{path} cannot be read: {error.strerror}", f"create it, then chmod 600 {path}") from None
