"""The dependency graph as a tree in the terminal: each node opened once."""

from collections.abc import Callable, Iterable

from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree

from pipeline.core.topology import Topology


def tree(graph: Topology, node: int, edges: Callable[[int], Iterable[int]], depth: int, words: str, *, with_gates: bool) -> RenderableType:
    """Everything reached over ``edges``, each node opened once, ``depth`` levels deep."""
    if not list(edges(node)):
        return Text.assemble((graph.names[node], "bold"), f" {words} nothing")
    made = Tree(
        Text.assemble((graph.names[node], "bold"), f" {words}", (_gate(graph, node) if with_gates else "", "dim")), guide_style="dim"
    )
    opened = {node}

    def grow(branch: Tree, parent: int, left: int) -> None:
        for child in edges(parent):
            has_more = any(True for _ in edges(child))
            closed = has_more and (child in opened or left == 1)
            note = (" (see above)" if child in opened else " ...") if closed else _gate(graph, child) if with_gates else ""
            twig = branch.add(Text.assemble(str(graph.names[child]), (note, "dim")))
            if has_more and not closed:
                opened.add(child)
                grow(twig, child, left - 1)

    grow(made, node, depth)
    return made


def _gate(graph: Topology, node: int) -> str:
    """What a protected resource can do without: ``, 1 of 2 is enough``."""
    parents, need = len(graph.parents[node]), graph.need[node]
    return f", {parents - need + 1} of {parents} enough" if need > 1 else ""
