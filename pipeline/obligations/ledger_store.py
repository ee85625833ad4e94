"""The credit ledger, and what is done about credits: each method is one transaction."""

from collections.abc import Mapping, Sequence

from pipeline.core.approval import Limits
from pipeline.core.ledger import Broken, Credit, Entry, Step, StepEntry
from pipeline.core.obligation import StoredCredit
from pipeline.core.posting import NotAllowedError, Standing, UnknownCreditError
from pipeline.obligations import ledger, posting
from pipeline.obligations.engine import reading, writing
from pipeline.obligations.opened import OpenedStore


class LedgerStore(OpenedStore):
    """Credits, approvals and postings, in one hash chain."""

    # the credit ledger

    def enter_credit(self, credit: Credit, at: int) -> Entry:
        """Add a credit to the chain, or answer the entry that has it. Raises ``AmountConflictError`` for another amount."""
        with writing(self._engine) as connection:
            return ledger.enter(connection, [credit], at)[0]

    def enter_credits(self, credits_: Sequence[Credit], at: int) -> list[Entry]:
        """As :meth:`enter_credit`, many in one transaction: all, or none when one is refused."""
        with writing(self._engine) as connection:
            return ledger.enter(connection, credits_, at)

    def credits(self, customer: str = "", period: str = "", limit: int = 1000) -> list[Entry]:
        """The latest entries, newest first; of one customer, one period, or all."""
        with reading(self._engine) as connection:
            return ledger.entries(connection, customer, period, limit)

    def credit_count(self) -> int:
        """How many entries the ledger has."""
        with reading(self._engine) as connection:
            return ledger.count(connection)

    def credit(self, key: str) -> Entry | None:
        """The entry with this key, or whose key alone begins with it."""
        with reading(self._engine) as connection:
            return ledger.entry_of(connection, key)

    def issued_minor(self, contract: str, service: str, metric: str, period: str) -> int:
        """What earlier revisions of a period gave, in minor units."""
        with reading(self._engine) as connection:
            return ledger.issued_minor(connection, contract, service, metric, period)

    def verify(self) -> Broken | None:
        """Check the ledger's chain of hashes and that every step was allowed; the first bad entry, or ``None``."""
        with reading(self._engine) as connection:
            return ledger.verify(connection)

    # what is done about credits

    def step_credit(self, step: Step, at: int, next_attempt_at: int = 0) -> Standing:
        """Approve, reject, adopt, post, confirm, … a credit: one step of its life, chained. Work that follows is due then.

        Raises ``NotAllowedError`` for what its state or a rule forbids, ``UnknownCreditError`` for a key that is not there.
        """
        with writing(self._engine) as connection:
            return posting.step(connection, step, at, next_attempt_at)

    def step_credits(self, steps: Sequence[Step], at: int) -> list[Standing | NotAllowedError | UnknownCreditError]:
        """What people say about many credits, in one transaction: where each then stands, or why its step was not allowed."""
        with writing(self._engine) as connection:
            return posting.step_all(connection, steps, at)

    def switch_posting(self, step: Step, at: int) -> bool:
        """Pause or resume posting; false when it is so already."""
        with writing(self._engine) as connection:
            return posting.switch(connection, step, at)

    def switched(self) -> list[StepEntry]:
        """When posting was paused and resumed, in order."""
        with reading(self._engine) as connection:
            return ledger.switched(connection)

    def stored_credits(self, customer: str = "", period: str = "", state: str = "", limit: int = 1000) -> list[StoredCredit]:
        """The latest credits with where they stand, newest first; of one customer, period or state, or all."""
        with reading(self._engine) as connection:
            return posting.latest(connection, customer, period, state, limit)

    def stored_credit(self, key: str) -> StoredCredit | None:
        """The credit with this key, or whose key alone begins with it, with where it stands."""
        with reading(self._engine) as connection:
            entry = ledger.entry_of(connection, key)
            return posting.stored(connection, [entry.key])[0] if entry else None

    def credits_of_period(self, credit: Credit) -> list[StoredCredit]:
        """Every revision of this credit's contract, service, metric and period, in order of entry."""
        with reading(self._engine) as connection:
            return posting.of_period(connection, credit)

    def claim_credits(self, person: str, limits: Mapping[str, Limits], at: int, leased_until: int, most: int) -> list[StoredCredit]:
        """Take approved credits that may be posted now; each is written down as being posted before anybody is called."""
        with writing(self._engine) as connection:
            return posting.claim(connection, person, limits, at, leased_until, most)

    def claim_posted(self, at: int, leased_until: int, most: int) -> list[StoredCredit]:
        """Take posted credits that are to be read back from billing."""
        with writing(self._engine) as connection:
            return posting.claim_posted(connection, at, leased_until, most)

    def postpone_credit(self, key: str, next_attempt_at: int, detail: str) -> None:
        """Plan the next look at a credit that was taken."""
        with writing(self._engine) as connection:
            posting.postpone(connection, key, next_attempt_at, detail)
