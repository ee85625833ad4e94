"""What is read of TMF639 resources and TMF638 services, in the forms of v4 and v5: the attributes that are used, and nothing else."""

from typing import Any

from msgspec import Struct, field

Id = str | int


class Ref(Struct):
    """A reference to a resource or a service, or the thing itself in brief."""

    id: Id = ""
    name: str | None = None
    category: str | None = None
    type: str | None = field(default=None, name="@type")
    referred_type: str | None = field(default=None, name="@referredType")


class Characteristic(Struct):
    """A value by its name; v5 has a type for each kind of value."""

    name: str = ""
    value: Any = None
    unit: str | None = field(default=None, name="unitOfMeasure")


class Relationship(Struct):
    """How this one is related to another: v4 and v5 alike."""

    kind: str = field(default="", name="relationshipType")
    resource: Ref | None = None
    service: Ref | None = None


class Place(Struct):
    """Where it is: v4 has the place itself, v5 the place within."""

    id: Id = ""
    name: str | None = None
    role: str | None = None
    place: Ref | None = None


class Party(Struct):
    """Who has to do with it: v4 has the party itself, v5 the party within."""

    id: Id = ""
    name: str | None = None
    role: str | None = None
    referred_type: str | None = field(default=None, name="@referredType")
    party: Ref | None = field(default=None, name="partyOrPartyRole")


class Supporting(Struct):
    """What carries a service: v4 refers to it, and so does v5, or within."""

    id: Id = ""
    name: str | None = None
    category: str | None = None
    type: str | None = field(default=None, name="@type")
    referred_type: str | None = field(default=None, name="@referredType")
    service: Ref | None = None
    resource: Ref | None = None

    @property
    def ref(self) -> Ref:
        """The reference, wherever it stands."""
        within = self.service or self.resource
        return within or Ref(self.id, self.name, self.category, self.type, self.referred_type)


class Item(Struct):
    """A resource or a service."""

    id: Id
    name: str | None = None
    category: str | None = None
    description: str | None = None
    type: str | None = field(default=None, name="@type")
    base_type: str | None = field(default=None, name="@baseType")
    service_type: str | None = field(default=None, name="serviceType")
    specification: Ref | None = field(default=None, name="resourceSpecification")
    state: str | None = None
    starts_at: str | None = field(default=None, name="startOperatingDate")
    ends_at: str | None = field(default=None, name="endOperatingDate")
    start_date: str | None = field(default=None, name="startDate")
    end_date: str | None = field(default=None, name="endDate")
    resource_characteristic: list[Characteristic] | None = field(default=None, name="resourceCharacteristic")
    service_characteristic: list[Characteristic] | None = field(default=None, name="serviceCharacteristic")
    resource_relationship: list[Relationship] | None = field(default=None, name="resourceRelationship")
    service_relationship: list[Relationship] | None = field(default=None, name="serviceRelationship")
    supporting_resource: list[Supporting] | None = field(default=None, name="supportingResource")
    supporting_service: list[Supporting] | None = field(default=None, name="supportingService")
    place: Place | list[Place] | None = None
    related_party: list[Party] | None = field(default=None, name="relatedParty")

    @property
    def key(self) -> str:
        """Its id as text, whatever the server has it as."""
        return str(self.id)

    @property
    def places(self) -> list[Place]:
        """Where it is."""
        return self.place if isinstance(self.place, list) else [self.place] if self.place else []

    def characteristics(self) -> dict[str, Any]:
        """Characteristics by name; a value may stand within a value."""
        given = (*(self.resource_characteristic or ()), *(self.service_characteristic or ()))
        return {each.name: _within(each.value, each.unit) for each in given if each.name}


def _within(value: Any, unit: str | None) -> Any:
    if isinstance(value, dict):
        value = value.get("value", value.get("@value", value.get("name")))
    return f"{value} {unit}" if unit and isinstance(value, (str, int, float)) else value
