"""The users who may send, with their keys: made of passwords once, localized once for each engine that they send from."""

from collections.abc import Iterable
from functools import cached_property

from collectors.trap.address import networks, within
from collectors.trap.ber import DecodeError
from collectors.trap.usm.authentication import DIGESTS, Authentication
from collectors.trap.usm.keys import localize, password_to_key
from collectors.trap.usm.privacy import Privacy, privacy
from pipeline.config.settings import SnmpUserSettings
from pipeline.config.snmp_user_check import ORDER, engine_id
from pipeline.core.raw import SecurityLevel
from pipeline.core.reason import Reason


class User:
    """One configured user. Its keys are made when the first message asks for them."""

    def __init__(self, settings: SnmpUserSettings) -> None:
        self.name = settings.name
        self._settings = settings
        self._hash_name = DIGESTS[settings.auth].hash_name
        self._refused = settings.weak if not settings.allow_weak else ()
        self._engines = frozenset(filter(None, map(engine_id, settings.engine_ids)))
        self._relaxed = networks(settings.relaxed_clock)
        reach, least = ORDER.index(settings.reach), ORDER.index(settings.least)
        self._levels = frozenset(ORDER[least : reach + 1])

    def check(self, level: SecurityLevel) -> None:
        """Raise ``DecodeError`` when this user may not send with this protection."""
        if self._refused:
            raise DecodeError(Reason.WEAK_ALGORITHM, f"user '{self.name}' has {' and '.join(self._refused)}, which is not allowed")
        if level not in self._levels:
            taken = ", ".join(sorted(self._levels))
            raise DecodeError(Reason.UNSUPPORTED_SECURITY_LEVEL, f"{level} from user '{self.name}', of whom {taken} is taken")

    def sends_from(self, engine: bytes) -> bool:
        """Whether the user may send from an engine that is not ours."""
        return not self._engines or engine in self._engines

    def has_relaxed_clock(self, source: str) -> bool:
        """Whether the settings believe this sender outside of its time window."""
        return bool(self._relaxed) and within(source, self._relaxed)

    def localized(self, engine: bytes) -> "LocalizedKeys":
        """This user's keys on one engine, made anew: who asks keeps them."""
        return LocalizedKeys(self, engine)

    @cached_property
    def _auth_key(self) -> bytes:
        return password_to_key(self._settings.auth_password.reveal().encode(), self._hash_name)

    @cached_property
    def _priv_key(self) -> bytes:
        return password_to_key(self._settings.priv_password.reveal().encode(), self._hash_name)

    def authentication(self, engine: bytes) -> Authentication:
        """The user's authentication on one engine."""
        return Authentication(self._settings.auth, localize(self._auth_key, engine, self._hash_name))

    def privacy(self, engine: bytes) -> Privacy:
        """The user's privacy on one engine."""
        return privacy(self._settings.priv, localize(self._priv_key, engine, self._hash_name), engine, self._hash_name)


class LocalizedKeys:
    """What one user has on one engine. Privacy may cost milliseconds, so it is made when an authenticated message needs it."""

    def __init__(self, user: User, engine: bytes) -> None:
        self._user = user
        self._engine = engine
        self.authentication = user.authentication(engine)

    @cached_property
    def privacy(self) -> Privacy:
        """The user's privacy on this engine."""
        return self._user.privacy(self._engine)


class Users:
    """Finds users and remembers their localized keys, at most ``capacity`` of them, and only of messages that proved authentic."""

    def __init__(self, users: Iterable[SnmpUserSettings], capacity: int = 65_536) -> None:
        self._users = {settings.name.encode(): User(settings) for settings in users}
        self._capacity = capacity
        self._keys: dict[tuple[str, bytes], LocalizedKeys] = {}

    def find(self, name: bytes) -> User:
        """The user of this name. Raises ``DecodeError``."""
        user = self._users.get(name)
        if user is None:
            raise DecodeError(Reason.UNKNOWN_USER, f"no user is called {name!r}")
        return user

    def keys(self, user: User, engine: bytes) -> LocalizedKeys:
        """The user's keys on one engine, remembered or made."""
        return self._keys.get((user.name, engine)) or user.localized(engine)

    def remember(self, user: User, engine: bytes, keys: LocalizedKeys) -> None:
        """Keep the keys of a message that proved authentic."""
        if (user.name, engine) not in self._keys:
            if len(self._keys) >= self._capacity:
                self._keys.clear()
            self._keys[user.name, engine] = keys
