"""Shared by all tests: what a marker needs, and the line that installs it."""

import os
import shutil
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

# Machines are noisy: a slow example is no failure.
settings.register_profile("assure", deadline=None, print_blob=True)
settings.load_profile("assure")


PLACES = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))


def has_netsnmp() -> bool:
    return all(shutil.which(program) or Path("/usr/sbin", program).exists() for program in ("snmptrap", "snmpd", "snmptrapd", "snmpget"))


def has_kafka() -> bool:
    return bool(os.environ.get("ASSURE_TEST_KAFKA")) or all(map(shutil.which, ("java", "mvn")))


def has_postgres() -> bool:
    found = shutil.which("postgres") or list(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return bool(os.environ.get("ASSURE_TEST_POSTGRES") or found)


def has_chromium() -> bool:
    return bool(shutil.which("chromium"))


def has_request_tracker() -> bool:
    return Path("/usr/share/request-tracker5/libexec/rt-server").exists() and bool(shutil.which("rt-setup-database-5", path=PLACES))


def has_roundup() -> bool:
    return find_spec("roundup") is not None


def has_schemas() -> bool:
    return Path(os.environ.get("ASSURE_TMF_SCHEMAS", "/nonexistent")).is_dir()


def has_alertmanager() -> bool:
    return bool(shutil.which("prometheus-alertmanager"))


def has_stripe_mock() -> bool:
    return bool(shutil.which("stripe-mock")) or (Path.home() / "go/bin/stripe-mock").exists()


def has_killbill_swagger() -> bool:
    return Path(os.environ.get("ASSURE_KILLBILL_SWAGGER", "/nonexistent")).is_file()


def has_lago_client() -> bool:
    return Path(os.environ.get("ASSURE_LAGO_CLIENT", "/nonexistent")).is_file()


NEEDS: dict[str, tuple[Callable[[], bool], str]] = {
    "needs_netsnmp": (has_netsnmp, "apt-get install snmp snmpd snmptrapd"),
    "needs_kafka": (has_kafka, "apt-get install openjdk-17-jre-headless maven, or set ASSURE_TEST_KAFKA=host:port"),
    "needs_postgres": (has_postgres, "apt-get install postgresql, or set ASSURE_TEST_POSTGRES=URL"),
    "needs_chromium": (has_chromium, "apt-get install chromium"),
    "needs_alertmanager": (has_alertmanager, "apt-get install prometheus-alertmanager"),
    "needs_stripe_mock": (has_stripe_mock, "go install github.com/stripe/stripe-mock@v0.203.0"),
    "needs_killbill_swagger": (
        has_killbill_swagger,
        "npm pack killbill@0.24.0, unpack it, and set ASSURE_KILLBILL_SWAGGER to package/codegen/kbswagger.yaml",
    ),
    "needs_lago_client": (has_lago_client, "pip download --no-deps lago-python-client==1.55.0, and set ASSURE_LAGO_CLIENT to the wheel"),
    "needs_request_tracker": (
        has_request_tracker,
        "apt-get install --no-install-recommends request-tracker5 rt5-db-sqlite rt5-standalone dbconfig-no-thanks msmtp-mta",
    ),
    "needs_roundup": (has_roundup, "pip install roundup"),
    "needs_schemas": (has_schemas, "set ASSURE_TMF_SCHEMAS to a folder with TM Forum's published schemas"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--everything", action="store_true", help="also those that start the installation several times (marker whole)")


def leave_out_whole(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without ``--everything``, deselect what is marked ``whole``; pytest says how many were."""
    if config.getoption("--everything"):
        return
    left_out = [item for item in items if item.get_closest_marker("whole")]
    items[:] = [item for item in items if not item.get_closest_marker("whole")]
    config.hook.pytest_deselected(items=left_out)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what this machine cannot run, and say what would make it run; begin with the slow files, so that no worker ends with them."""
    leave_out_whole(config, items)
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])
    for marker, (present, remedy) in NEEDS.items():
        if not present():
            for item in items:
                if item.get_closest_marker(marker):
                    item.add_marker(pytest.mark.skip(reason=f"{marker}: {remedy}"))
