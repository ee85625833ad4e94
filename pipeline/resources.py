"""Where the data that comes with the package lies: rules, MIBs, dashboards; beside the code in a checkout, inside it in a wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def data_dir(name: str) -> Path:
    """The folder ``rules``, ``mibs`` or ``dashboards``. Raises ``FileNotFoundError`` that says what a broken installation lacks."""
    for candidate in (_PACKAGE / "_data" / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"the folder '{name}' that comes with the package is missing; install it again")
