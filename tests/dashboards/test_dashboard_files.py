"""The dashboards as files: Grafana can load them, people can find their way, and what compose mounts is what provisioning names."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.panels import FILES, HISTORY, ROOT, SERIES, dashboard

BOARDS = {path.stem: dashboard(path) for path in FILES}
PANELS = [(name, panel) for name, board in BOARDS.items() for panel in board["panels"]]
SOURCES = {"grafana-clickhouse-datasource": "assure-clickhouse", "prometheus": "assure-prometheus"}
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT.parent / "docker-compose.yml").read_text())["services"]
GRAFANA = COMPOSE["grafana"]
DATASOURCES = yaml.safe_load((ROOT / "provisioning" / "datasources" / "assure.yaml").read_text())["datasources"]
PROVIDERS = yaml.safe_load((ROOT / "provisioning" / "dashboards" / "assure.yaml").read_text())["providers"]
of_each_board = pytest.mark.parametrize("name", BOARDS)
of_each_panel = pytest.mark.parametrize(("name", "panel"), PANELS, ids=[f"{name}: {panel['title']}" for name, panel in PANELS])


def test_each_reader_has_a_dashboard_with_an_address_of_its_own() -> None:
    """An address never changes: links, bookmarks and runbooks hold it."""
    assert {name: board["uid"] for name, board in BOARDS.items()} == {
        "noc": "assure-noc",
        "incident": "assure-incident",
        "sla": "assure-sla",
        "interfaces": "assure-interfaces",
        "devices": "assure-devices",
        "anomalies": "assure-anomalies",
        "pipeline": "assure-pipeline",
    }


@of_each_board
def test_each_dashboard_says_what_it_answers_and_leads_to_the_others(name: str) -> None:
    """Title, description, tag, a link to all of the tag, a time range, and a refresh that the store can bear."""
    board = BOARDS[name]
    assert board["title"]
    assert board["description"].endswith(".") or board["description"].endswith("?")
    assert board["tags"] == ["assure"]
    assert [(link["type"], link["tags"], link["keepTime"]) for link in board["links"]] == [("dashboards", ["assure"], True)]
    assert board["time"]["from"].startswith("now")
    assert board["time"]["to"] == "now"
    assert board["refresh"] in {"10s", "15s", "1m"}
    assert "id" not in board


@of_each_board
def test_panels_have_places_and_numbers_of_their_own(name: str) -> None:
    """No number twice, no panel over another or over the edge of 24 columns; a handful of panels, not a wall."""
    panels = BOARDS[name]["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) <= 16
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


@of_each_panel
def test_each_panel_says_what_it_shows(name: str, panel: dict[str, Any]) -> None:
    """A title, a sentence, the unit of its numbers, and bounds where a colour means something."""
    assert panel["title"]
    assert panel["description"].endswith(".")
    if panel["type"] in {"stat", "timeseries"}:
        assert panel["fieldConfig"]["defaults"]["unit"]
    if panel["type"] == "stat":
        steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        assert steps[0]["value"] is None
        assert [step["value"] for step in steps[1:]] == sorted(step["value"] for step in steps[1:])


@of_each_panel
def test_each_panel_asks_a_source_that_is_provisioned(name: str, panel: dict[str, Any]) -> None:
    """By address, so that nothing is asked when a dashboard is loaded; queries have letters of their own."""
    assert SOURCES[panel["datasource"]["type"]] == panel["datasource"]["uid"]
    assert {target["datasource"]["uid"] for target in panel["targets"]} == {panel["datasource"]["uid"]}
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    for target in panel["targets"]:
        if target["datasource"]["type"] == HISTORY:
            assert (target["queryType"], target["format"]) == (("timeseries", 0) if panel["type"] == "timeseries" else ("table", 1))


@of_each_panel
def test_links_between_dashboards_lead_somewhere(name: str, panel: dict[str, Any]) -> None:
    """A link names a dashboard that exists and a variable that it has."""
    for override in panel["fieldConfig"]["overrides"]:
        for link in (link for each in override["properties"] if each["id"] == "links" for link in each["value"]):
            match = re.match(r"/d/([\w-]+)\?var-(\w+)=", link["url"])
            assert match
            target = next(board for board in BOARDS.values() if board["uid"] == match[1])
            assert match[2] in {variable["name"] for variable in target["templating"]["list"]}


def mounted(inside: str) -> Path:
    """The folder of this repository that Grafana sees at a path."""
    for mount in GRAFANA["volumes"]:
        source, _, target = mount.partition(":")
        path = target.removesuffix(":ro")
        if inside == path or inside.startswith(f"{path}/"):
            return ROOT.parent / source / inside.removeprefix(path).lstrip("/")
    raise AssertionError(f"nothing is mounted at {inside}")


def test_provisioning_is_where_grafana_looks() -> None:
    """Grafana reads ``datasources`` and ``dashboards`` under its provisioning folder, and the provider names the folder of the JSON."""
    for part in ("datasources", "dashboards"):
        assert list(mounted(f"/etc/grafana/provisioning/{part}").glob("*.yaml"))
    [provider] = PROVIDERS
    assert sorted(mounted(provider["options"]["path"]).glob("*.json")) == [path.resolve() for path in FILES]


def test_datasources_are_those_of_the_dashboards_and_of_compose() -> None:
    """Addresses, plug-in, hosts and the environment that carries them agree."""
    assert {source["type"]: source["uid"] for source in DATASOURCES} == SOURCES
    by_type = {source["type"]: source for source in DATASOURCES}
    assert GRAFANA["environment"]["GF_INSTALL_PLUGINS"].split()[0] == HISTORY
    assert by_type[SERIES]["url"].removeprefix("http://").split(":")[0] in COMPOSE
    data = by_type[HISTORY]["jsonData"]
    assert GRAFANA["environment"][data["host"].removeprefix("$")] in COMPOSE
    assert GRAFANA["environment"][data["port"].removeprefix("$")].isdigit()
    assert data["username"] == "viewer"


def test_the_password_comes_from_the_environment_alone() -> None:
    """What the data source wants is what the example of the environment names, and what ClickHouse's user is made with."""
    [wanted] = [source["secureJsonData"]["password"] for source in DATASOURCES if "secureJsonData" in source]
    assert wanted == "$ASSURE_VIEWER_PASSWORD"
    assert "ASSURE_VIEWER_PASSWORD=" in (ROOT / "production" / "env.example").read_text()
    assert 'from_env="ASSURE_VIEWER_PASSWORD"' in (ROOT / "production" / "clickhouse-users.xml").read_text()
    assert GRAFANA["env_file"] == ".env"
