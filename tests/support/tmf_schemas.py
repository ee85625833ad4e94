"""TM Forum's published definitions, where the folder with them is named, and what it means to be valid by them."""

import json
import os
from pathlib import Path
from typing import Any

import jsonschema

FLAWED = {"TMF642-Alarm-v4.0.0": ("Alarm", "AlarmRefOrValue")}
"""Definitions that type ``id`` as an integer while the same document's examples have texts."""


def published(name: str) -> dict[str, Any]:
    """A published Swagger document, such as ``TMF642-Alarm-v4.0.0``, its known flaw mended."""
    document: dict[str, Any] = json.loads((Path(os.environ["ASSURE_TMF_SCHEMAS"]) / f"{name}.swagger.json").read_text())
    for flawed in FLAWED.get(name, ()):
        document["definitions"][flawed]["properties"]["id"] = {"type": "string"}
    return document


def conform(document: dict[str, Any], name: str, value: Any) -> None:
    """``value`` is valid by the published definition, and neither it nor anything in it has an attribute that is not published."""
    definitions = document["definitions"]
    jsonschema.validate(value, {"$ref": f"#/definitions/{name}", "definitions": definitions}, format_checker=jsonschema.FormatChecker())
    _no_more(definitions, definitions[name], value, name)


def _no_more(definitions: dict[str, Any], schema: dict[str, Any], value: Any, path: str) -> None:
    schema = definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    if isinstance(value, dict) and "properties" in schema:
        assert set(value) <= set(schema["properties"]), f"{path}: {set(value) - set(schema['properties'])} are not published"
        for key, each in value.items():
            _no_more(definitions, schema["properties"][key], each, f"{path}.{key}")
    elif isinstance(value, list) and "items" in schema:
        for each in value:
            _no_more(definitions, schema["items"], each, f"{path}[]")
