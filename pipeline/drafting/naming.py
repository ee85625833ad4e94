"""Names in drafted rules: two vendors may use one name, and a rule must mean the one that its notification comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipeline.core.mib import MibIndex, MibNotification, MibObject
from pipeline.drafting.draft import DraftRule


def object_of(name: str, notification: MibNotification, mibs: MibIndex) -> MibObject | None:
    """The object that a notification names: its own module's, else its vendor's, else the one that the name leads to."""
    own = mibs.objects.get(mibs.oid_of(f"{notification.vendor}/{notification.module}::{name}") or "")
    if own is not None:
        return own
    meant = [mibs.objects[oid] for oid in mibs.meanings(name) if oid in mibs.objects]
    return next((known for known in meant if known.vendor == notification.vendor), mibs.objects.get(mibs.oid_of(name) or ""))


def is_plain(known: MibObject | MibNotification, mibs: MibIndex) -> bool:
    """Whether the name alone leads to this object or notification and to no other."""
    return mibs.oid_of(known.name) == known.oid and not mibs.meanings(known.name)


def written(known: MibObject | MibNotification, mibs: MibIndex) -> str:
    """How a rule names an object or a notification: by its name, with the module and the vendor before it where that is needed."""
    return known.name if is_plain(known, mibs) else mibs.qualified(known.oid)


def exact(rule: DraftRule, objects: Sequence[MibObject], mibs: MibIndex) -> DraftRule:
    """A rule with its objects named as they must be. Placeholders stay: they mean what the notification itself carries."""
    names = {known.name: written(known, mibs) for known in objects}
    form, place = rule.form, rule.form.resource
    resource = replace(place, varbind=names.get(place.varbind, place.varbind), index_of=names.get(place.index_of, place.index_of))
    when = {names.get(name, name): value for name, value in form.when.items()}
    return replace(rule, form=replace(form, when=when, resource=resource), example=_exact_instances(rule.example, names))


def _exact_instances(example: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    found = {}
    for instance, value in example.items():
        name, dot, index = instance.partition(".")
        found[f"{names.get(name, name)}{dot}{index}"] = value
    return found
