"""Whose module it is: told by the enterprise number below which it stands (1.3.6.1.4.1.N), else by what it imports, else by its folder."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.core.mib import STANDARD
from pipeline.mib.fixup import imports_of
from pipeline.mib.source import Source

_QUOTED = re.compile(r'"[^"]*"')
_ENTERPRISE = re.compile(
    r"\{\s*(?:enterprises|private\s+(?:enterprises\s*\(\s*)?1\s*\)?|"
    r"(?:iso|1)\s+(?:org\s*\(\s*)?3\s*\)?\s+(?:dod\s*\(\s*)?6\s*\)?\s+(?:internet\s*\(\s*)?1\s*\)?\s+"
    r"(?:private\s*\(\s*)?4\s*\)?\s+(?:enterprises\s*\(\s*)?1\s*\)?)\s+(?:[a-zA-Z][A-Za-z0-9-]*\s*\(\s*)?(\d+)"
)
_STANDARD_PARENT = re.compile(
    r"::=\s*\{\s*(?:mib-2|transmission|snmpModules|experimental|snmpDomains|snmpProxys|mgmt|iso|org|ieee802dot1mibs|iso\(1\))[\s(]"
)
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")


def vendor_name(text: str) -> str:
    """A text as the name of a vendor: small letters, digits and hyphens."""
    return _NOT_IN_NAMES.sub("-", text.lower()).strip("-")


def vendors_of(
    sources: Sequence[Source], names: Mapping[int, str], standard: frozenset[str], known: Mapping[str, str]
) -> dict[Source, str]:
    """The vendor of each source.

    ``names`` are vendors by enterprise number, ``standard`` the names of modules that are the standard's, ``known`` the vendors of modules
    that are there already. A number without a name makes ``enterprise-N``.
    """
    told: dict[str, str] = {}
    found: dict[Source, str] = {}
    for source in sources:
        vendor = _told(source, names, standard)
        if vendor:
            found[source] = vendor
            told.setdefault(source.module, vendor)
    everything = {**known, **told}
    waiting = [source for source in sources if source not in found]
    for _ in range(len(waiting)):  # what stands below another module's names is that module's vendor's
        for source in waiting:
            vendor = _imported(source, everything)
            if vendor and source not in found:
                found[source] = vendor
                everything.setdefault(source.module, vendor)
    return found | {source: _folder(source.file) for source in waiting if source not in found}


def _told(source: Source, names: Mapping[int, str], standard: frozenset[str]) -> str:
    if source.module in standard:
        return STANDARD
    text = _QUOTED.sub("", source.text)
    match = _ENTERPRISE.search(text)
    if match:
        return names.get(int(match[1]), f"enterprise-{match[1]}")
    return STANDARD if _STANDARD_PARENT.search(text) else ""


def _imported(source: Source, vendors: Mapping[str, str]) -> str:
    homes = [vendors.get(module, STANDARD) for module in imports_of(source.text)]
    return next((vendor for vendor in homes if vendor != STANDARD), "")


def _folder(file: Path) -> str:
    return vendor_name(file.absolute().parent.name.removesuffix(".zip").removesuffix(".tar.gz").removesuffix(".tgz")) or "other"
