"""What must hold of the SNMPv3 users in the settings, beyond the types of their values."""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pipeline.config.problem import Level, Path_
from pipeline.config.settings import SnmpUserSettings
from pipeline.core.raw import SecurityLevel

MIN_PASSWORD = 8
"""Characters (RFC 3414 section 11.2); net-snmp refuses less as well."""
MAX_USER_NAME = 32
"""Bytes (RFC 3414 section 2.4)."""
ENGINE_ID_BYTES = range(5, 33)
"""RFC 3411 section 5, SnmpEngineID."""
ORDER = tuple(SecurityLevel)
"""From the least protection to the most."""


class UserProblem(NamedTuple):
    """One problem of one user: ``path`` begins at the list of users."""

    path: Path_
    message: str
    remedy: str
    level: Level = Level.ERROR


def user_problems(users: Sequence[SnmpUserSettings]) -> Iterable[UserProblem]:
    """Every problem of the users, each where it stands in the list. No message holds any part of a password."""
    names = [user.name for user in users]
    for place, user in enumerate(users):
        if names.index(user.name) != place:
            yield UserProblem((place, "name"), f"'{user.name}' stands twice", "a user has one name and one pair of passwords; rename one")
        for problem in (*_name(user), *_passwords(user), *_strength(user), *_narrowing(user)):
            yield problem._replace(path=(place, *problem.path))


def _name(user: SnmpUserSettings) -> Iterable[UserProblem]:
    if not 0 < len(user.name.encode()) <= MAX_USER_NAME:
        yield UserProblem(("name",), f"a user name of {len(user.name.encode())} bytes", f"write 1 to {MAX_USER_NAME}, as the device has it")


def _passwords(user: SnmpUserSettings) -> Iterable[UserProblem]:
    for key, password in (("auth_password", user.auth_password), ("priv_password", user.priv_password)):
        length = len(password.reveal())
        if 0 < length < MIN_PASSWORD:
            yield UserProblem(
                (key,), f"a password of {length} characters", f"SNMPv3 asks for {MIN_PASSWORD} or more; change it on the device too"
            )
    if user.priv_password and not user.auth_password:
        yield UserProblem(("priv_password",), "encryption without authentication", "add auth_password: SNMPv3 has no such level")
    elif not user.auth_password and user.level is not SecurityLevel.NO_AUTH_NO_PRIV:
        remedy = "add auth_password: file:…, or write level: no-auth-no-priv if anybody may use this name"
        yield UserProblem((), f"the user '{user.name}' has no password", remedy)
    elif user.level is not None and ORDER.index(user.level) > ORDER.index(user.reach):
        missing = "priv_password" if user.auth_password else "auth_password"
        yield UserProblem(("level",), f"'{user.level}' cannot be reached without {missing}", f"add {missing}: file:…")


def _strength(user: SnmpUserSettings) -> Iterable[UserProblem]:
    for protocol in user.weak:
        key = "auth" if protocol == user.auth else "priv"
        if user.allow_weak:
            remedy = "plan to replace it: sha256 and aes128, where the device knows them"
            yield UserProblem((key,), f"{protocol} protects little", remedy, Level.WARNING)
        else:
            better = "sha256" if key == "auth" else "aes128"
            yield UserProblem(
                (key,), f"{protocol} protects little", f"use {better}, or write allow_weak: true for a device that knows no better"
            )


def _narrowing(user: SnmpUserSettings) -> Iterable[UserProblem]:
    for place, text in enumerate(user.engine_ids):
        if engine_id(text) is None:
            remedy = "write its 5 to 32 bytes in hexadecimal, as the device shows it: 80001f8804…, in quotes"
            yield UserProblem(("engine_ids", place), f"'{text}' is no engineID", remedy)
    for place, text in enumerate(user.relaxed_clock):
        try:
            ipaddress.ip_network(text)
        except ValueError:
            yield UserProblem(("relaxed_clock", place), f"'{text}' is not an address", "write it as 192.0.2.7 or 192.0.2.0/24")


def engine_id(text: str) -> bytes | None:
    """An engineID from its hexadecimal form, with or without ``0x`` and colons; ``None`` for what is none."""
    try:
        found = bytes.fromhex(text.removeprefix("0x").replace(":", ""))
    except ValueError:
        return None
    return found if len(found) in ENGINE_ID_BYTES else None
