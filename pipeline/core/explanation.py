"""Why an incident's cause is believed: one value, from which the terminal, the console, the API and the ticket all tell the same."""

from dataclasses import dataclass

from pipeline.core.resource import ResourceId

NOTHING = ResourceId("")
"""The name of no resource."""

UNSURE = 0.6
"""Below this probability a cause is said to be unsure."""


@dataclass(frozen=True, slots=True)
class Some:
    """The first few of many resources, and how many there are in all."""

    first: tuple[ResourceId, ...] = ()
    total: int = 0

    @classmethod
    def of(cls, resources: tuple[ResourceId, ...], shown: int) -> "Some":
        """At most ``shown`` of them."""
        return cls(resources[:shown], len(resources))


@dataclass(frozen=True, slots=True)
class Rival:
    """Another cause that it could have been.

    ``explained`` alarmed resources it accounts for, ``missing`` it would have had alarm, ``against`` it are known to be up; all three are 0
    where they were not counted.
    """

    root: ResourceId
    probability: float
    explained: int = 0
    missing: int = 0
    against: int = 0


@dataclass(frozen=True, slots=True)
class Doubt:
    """An edge of the topology that evidence speaks against, or for though no record has it: that ``child`` needs ``parent``."""

    parent: ResourceId
    child: ResourceId


@dataclass(frozen=True, slots=True)
class Settling:
    """What would settle a doubt: a poll of ``device`` that shows how ``resource`` fares, and what is the cause if it is up, or not.

    ``resource`` is empty when nothing that is polled tells the two apart; then a person has to look.
    """

    device: str
    resource: ResourceId
    if_up: ResourceId
    if_down: ResourceId


@dataclass(frozen=True, slots=True)
class Attached:
    """How many alarms a correlation rule attached as symptoms; ``first`` tells of a few, each what, where and how long after."""

    rule: str
    alarms: int
    first: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """The grounds of one cause.

    ``kinds`` counts the alarms by kind of resource. ``missing`` should have alarmed; ``excused`` more are silent because ``cut_off`` (names
    of devices) cannot tell. ``against`` are known to be up though the cause takes them down. ``doubted`` records may be wrong, ``supposed``
    ones may be missing. ``weighed`` is false for alarms that were only grouped by device. ``rules`` are those that raised the alarms (of
    traps, or what a poll found). An incident of an earlier version has none of this: ``root`` is then empty.
    """

    root: ResourceId = NOTHING
    probability: float = 1.0
    weighed: bool = True
    alarms: int = 0
    kinds: tuple[tuple[str, int], ...] = ()
    explained: Some = Some()
    missing: Some = Some()
    excused: int = 0
    cut_off: Some = Some()
    against: Some = Some()
    doubted: tuple[Doubt, ...] = ()
    supposed: tuple[Doubt, ...] = ()
    rivals: tuple[Rival, ...] = ()
    settling: Settling | None = None
    attached: tuple[Attached, ...] = ()
    confirmed: int = 0
    rules: tuple[str, ...] = ()
    topology_version: str = ""
    rules_version: str = ""

    @property
    def unsure(self) -> bool:
        """Whether another cause may well be the true one."""
        return self.weighed and bool(self.rivals) and self.probability < UNSURE
