"""How likely it is: what each piece of evidence says for and against a failure, as log probabilities, with the reason for each constant.

The constants describe networks, not a test's generator: each is an order of magnitude that an operator would agree with. The answer rests
on their ratios (a cut fibre is likelier than two broken ports, one lost trap likelier than two faults), hardly on their digits.
"""

from math import log

from pipeline.core.resource import ResourceKind

SPURIOUS = 1e-3
"""Probability that an alarm stands on a resource that is well: a false or forged trap, one whose clear was lost. One in a thousand."""

LOSS = {
    ResourceKind.INTERFACE: 0.1,
    ResourceKind.LSP: 0.3,
    ResourceKind.REACHABILITY: 0.5,
}
"""Probability that a failure of this kind raises no alarm in time; other kinds say nothing by being silent (1.0).

Traps are datagrams, and storms lose one in ten. A path is told of by its head alone and may have been re-routed since it was recorded.
Whether a device answers is only known once its next poll is due.
"""

SILENT_EVIDENCE_LOSS = 0.1
"""The same for kinds whose silence says nothing, for when they do speak: their traps are datagrams too."""

FEED_LOSS = 0.3
"""Probability that a device that has lost one of several power feeds does not tell: many can, and not all are set to."""

FEED_LOST = log((1 - FEED_LOSS) / SPURIOUS)
FEED_SILENT = log(FEED_LOSS / (1 - SPURIOUS))
"""What it says for and against the failure of a feed that a device of several feeds tells of it, and that it does not."""

KNOWN_UP = log(1e-4)
"""What it costs to suppose something down that a poll or a clear says is up: agents that show a stale state exist, but are rare."""

TOLD_BY_THE_DEAD = log(0.05)
"""What it costs to suppose a device dead that itself told of the trouble: the dead seldom have time to."""

WRONG_EDGE = log(0.01)
"""What it costs to suppose that a record of a dependency is wrong: inventories are, in about one record of a hundred, and seldom where it
hurts."""

SAME_SECONDS_NS = 1_500_000_000
SAME_SECONDS = log(0.75 / 0.1)
"""What it says for one cause that two groups of alarms begin within so many nanoseconds of each other: three in four of one cause do, for
some traps are held up, and one in ten of those that have nothing to do with each other and fell into the same half minute."""

MISSING_RECORD = WRONG_EDGE + SAME_SECONDS
"""What it costs to suppose that the inventory lacks a record, without which alarms of the same seconds would need causes of their own."""

PRIORS = {
    ResourceKind.FIBRE: -2.3,
    ResourceKind.DEVICE: -2.3,
    ResourceKind.CIRCUIT: -2.3,
    ResourceKind.CARD: -2.7,
    ResourceKind.PORT: -3.0,
    ResourceKind.POWER: -3.5,
    ResourceKind.DUCT: -3.5,
    ResourceKind.SITE: -3.5,
}
"""Log prior of kinds that fail by themselves: a fibre is likelier than a port, one duct likelier than two fibres at once.

Diggers and plugs lead every operator's statistics (and a circuit leased from another operator is a fibre to us); cards and optics last
longer; what takes a whole site, duct or power feed down is rarest.
"""

OWN_PRIOR = -5.8
"""Log prior of anything else having failed by itself: an interface shut, a label-switched path torn down."""


COINCIDENCE = log(0.02)
"""What it costs besides to suppose one failure more: that two things fail by themselves in the same half minute is rarer than lost
traps."""


def prior(kind: ResourceKind) -> float:
    """Log prior of a failure of this kind."""
    return PRIORS.get(kind, OWN_PRIOR) + COINCIDENCE


ALARMED = {kind: log((1 - LOSS.get(kind, SILENT_EVIDENCE_LOSS)) / SPURIOUS) for kind in ResourceKind}
"""What it says for a failure that a resource of this kind that it takes down is alarmed."""

SILENT = {kind: log(LOSS[kind] / (1 - SPURIOUS)) if kind in LOSS else 0.0 for kind in ResourceKind}
"""What it says against a failure that a resource of this kind that it takes down is silent, though who would tell lives."""

MOST = max(FEED_LOST - FEED_SILENT, *(ALARMED[kind] - SILENT[kind] for kind in ResourceKind))
"""The most by which one alarm can raise the score of a cause that expected it."""

HOPELESS = KNOWN_UP + COINCIDENCE
"""A cause that scores less by itself is not weighed when there are many: no context makes good what speaks against it."""
