"""Holds rules, inventory and settings against each other: what ``assure check`` answers, all at once."""

import os
from collections.abc import Mapping
from pathlib import Path

from pipeline.config.mib_file import load_mib_index
from pipeline.config.problem import ConfigError, Level, Problem, Problems, did_you_mean
from pipeline.config.rule_check import CheckResult, check_rules
from pipeline.config.rule_files import default_mibs
from pipeline.config.rule_set import ROUTING_NAME, RuleSet
from pipeline.config.settings import Settings
from pipeline.config.settings_file import read_settings
from pipeline.core.inventory import Inventory
from pipeline.core.mib import MibIndex
from pipeline.core.routing import walk
from pipeline.inventory.files import inventory_files, read_inventory
from pipeline.inventory.present import read_present


def check(
    rules_dir: Path,
    inventory_dir: Path | None = None,
    settings_path: Path | None = None,
    mibs: MibIndex | Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> CheckResult:
    """Read everything that is named, run the rules' tests, and hold the parts against each other.

    ``mibs`` is an index or where one lies; by default the one beside the rules. Never raises for a broken file: the result's problems have
    file, line and remedy, errors and warnings alike.
    """
    problems = Problems()
    index = _mibs(rules_dir, mibs, problems)
    result = check_rules(rules_dir, index) if index is not None else CheckResult((), 0)
    problems.extend(result.problems)
    settings = _settings(settings_path, os.environ if environ is None else environ, problems) if settings_path else None
    inventory = _inventory(inventory_dir, settings, problems) if inventory_dir else None
    if settings and settings_path and inventory and inventory_dir:
        problems.extend(_users(inventory, settings, settings_path, inventory_dir))
    if result.rules and inventory and inventory_dir:
        problems.extend(_contracts(result.rules, inventory, inventory_dir))
    if result.rules and settings and settings_path:
        problems.extend(_receivers(result.rules, settings, settings_path, rules_dir))
    return CheckResult((*problems.errors, *problems.warnings), result.tests_run, result.rules)


def _mibs(rules_dir: Path, mibs: MibIndex | Path | None, problems: Problems) -> MibIndex | None:
    if isinstance(mibs, MibIndex):
        return mibs
    try:
        return load_mib_index(mibs) if mibs else default_mibs(rules_dir)
    except ConfigError as error:
        problems.extend(error.problems)
        return None


def read_any(folder: Path, settings: Settings | None) -> tuple[Inventory, tuple[Problem, ...]]:
    """The inventory of a folder; with what other sources say, when it is the settings' own. Raises ``ConfigError``."""
    if settings is not None and folder == settings.inventory_dir:
        present = read_present(settings)
        return present.inventory, present.warnings
    return read_inventory(folder)


def _inventory(folder: Path, settings: Settings | None, problems: Problems) -> Inventory | None:
    try:
        inventory, warnings = read_any(folder, settings)
    except ConfigError as error:
        problems.extend(error.problems)
        return None
    problems.extend(warnings)
    return inventory


def _settings(path: Path, environ: Mapping[str, str], problems: Problems) -> Settings | None:
    try:
        settings, warnings = read_settings(path, environ)
    except ConfigError as error:
        problems.extend(error.problems)
        return None
    problems.extend(warnings)
    return settings


def _contracts(rules: RuleSet, inventory: Inventory, folder: Path) -> list[Problem]:
    """Every contract's plan must be one of the rules'."""
    found: list[Problem] = []
    for contract in inventory.contracts.values():
        if contract.plan not in rules.plans:
            file, line = _find(folder, f"plan: {contract.plan}")
            message = f"contract {contract.name} has the plan '{contract.plan}', which no file of rules/slas has"
            found.append(Problem(file, line, "$.contracts", message, did_you_mean(contract.plan, rules.plans)))
        elif rules.plans[contract.plan].currency not in {"", contract.currency}:
            file, line = _find(folder, f"name: {contract.name}")
            message = f"contract {contract.name} is in {contract.currency}, and its plan speaks of {rules.plans[contract.plan].currency}"
            found.append(Problem(file, line, "$.contracts", message, "write the contract in that currency, or give it another plan"))
    return found


def _users(inventory: Inventory, settings: Settings, settings_path: Path, folder: Path) -> list[Problem]:
    """Every device of SNMPv3 needs a user of the settings, else it cannot be asked."""
    known = {user.name for user in settings.traps.users}
    found = []
    for device in inventory.devices.values():
        if device.user and device.user not in known:
            file, line = _find(folder, f"user: {device.user}")
            message = f"device {device.name} has the user '{device.user}', which {settings_path} does not have"
            remedy = did_you_mean(device.user, known) or "add it to the settings' traps.users"
            found.append(Problem(file, line, "$.devices", message, remedy))
    return found


def _find(folder: Path, text: str) -> tuple[str, int]:
    """Where in an inventory a text first stands."""
    for path in inventory_files(folder):
        for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
            if text in line:
                return str(path), number
    return str(folder), 0


def _receivers(rules: RuleSet, settings: Settings, settings_path: Path, rules_dir: Path) -> list[Problem]:
    """Everybody whom a route tells, and every person on call, needs a receiver of the settings, else nobody is told."""
    names = settings.receiver_names
    place = str(rules_dir / ROUTING_NAME)
    named = [(f"route {route.name} sends to", f"routes.{route.name}", each) for route in walk(rules.routing.routes) for each in route.named]
    named += [(f"{person.name} is told by", f"people.{person.name}", each) for person in rules.routing.people for each in person.receivers]
    return [
        Problem(
            place,
            0,
            f"$.{path}",
            f"{who} '{receiver}', which {settings_path} does not have, so it tells nobody",
            did_you_mean(receiver, names) or "add it to the settings' receivers or webhooks",
            Level.WARNING,
        )
        for who, path, receiver in named
        if receiver not in names
    ]
