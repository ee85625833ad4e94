"""Loads one inventory in a process of its own and prints what that took, as JSON. See :mod:`tests.bench.topology_load`."""

import json
import logging
import resource
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pipeline import knowing
from pipeline.config.settings import Settings
from pipeline.core.topology import Topology
from pipeline.inventory.files import load_inventory
from pipeline.knowing import FileKnowledge
from pipeline.resources import data_dir

T = TypeVar("T")


def measure(folder: Path) -> dict[str, float]:
    """Wall seconds, CPU seconds and the greatest resident memory, MB."""
    inventory_dir, rules_dir = folder / "inventory", folder / "rules"
    began = time.process_time()
    inventory_s, inventory = _timed(load_inventory, inventory_dir)
    topology_s, topology = _timed(Topology.of, inventory)
    cpu_s, load_mb = time.process_time() - began, _greatest_mb()
    nodes, edges = len(topology.names), sum(map(len, topology.parents))
    del inventory, topology

    shutil.copytree(data_dir("rules"), rules_dir)
    knowing.LOOK_EVERY_S = -1.0
    knowledge = FileKnowledge(Settings(folder / "data", inventory_dir, rules_dir=rules_dir, mibs_dir=data_dir("mibs")))
    knowledge_s, first = _timed(knowledge.current)
    with (inventory_dir / "fibres.csv").open("a") as file:
        file.write("another,u0\n")
    entry_changed_s, second = _timed(knowledge.current)
    with (rules_dir / "routing.yaml").open("a") as file:
        file.write("# another\n")
    rules_changed_s, third = _timed(knowledge.current)
    assert first.topology is not second.topology is third.topology
    return {
        "nodes": nodes,
        "edges": edges,
        "inventory_s": inventory_s,
        "topology_s": topology_s,
        "load_s": inventory_s + topology_s,
        "cpu_s": cpu_s,
        "load_mb": load_mb,
        "knowledge_s": knowledge_s,
        "entry_changed_s": entry_changed_s,
        "rules_changed_s": rules_changed_s,
        "knowledge_mb": _greatest_mb(),
    }


def _timed(work: Callable[..., T], *given: Any) -> tuple[float, T]:
    began = time.perf_counter()
    made = work(*given)
    return time.perf_counter() - began, made


def _greatest_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    print(json.dumps(measure(Path(sys.argv[1]))))
