"""An isolation forest as plain arrays: grown by scikit-learn, kept and asked without it.

A pickled forest runs code when it is read. One of arrays cannot, reads the same under every later scikit-learn, and is asked for one row
without the milliseconds that the library's checks take. The score is that of Liu, Ting and Zhou (2008): near 1 for what is isolated after
few splits, below 0.5 for what lies among others.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_ROWS_AT_ONCE = 4_096
"""So that asking for many rows takes megabytes, not gigabytes."""


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """All trees' nodes in one array each. A leaf leads to itself; ``path`` is how long the way to it is, on average, from the root.

    ``usual_path`` is that of a sample of the size that each tree was grown from.
    """

    roots: Integers
    left: Integers
    right: Integers
    feature: Integers
    threshold: Floats
    path: Floats
    depth: int
    usual_path: float

    def score(self, rows: Floats) -> Floats:
        """How isolated each row is, from 0 to 1."""
        parts = [self._score(rows[first : first + _ROWS_AT_ONCE]) for first in range(0, len(rows), _ROWS_AT_ONCE)]
        return np.concatenate(parts) if parts else np.empty(0)

    def _score(self, rows: Floats) -> Floats:
        values = rows.astype(np.float32)  # scikit-learn compares in single precision
        row = np.arange(len(values))[:, None]
        node = np.tile(self.roots, (len(values), 1))
        for _ in range(self.depth):
            node = np.where(values[row, self.feature[node]] <= self.threshold[node], self.left[node], self.right[node])
        scores: Floats = np.exp2(-self.path[node].mean(axis=1) / self.usual_path)
        return scores

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Everything, by name, to be written."""
        return {each.name: np.asarray(getattr(self, each.name)) for each in fields(self)}

    @classmethod
    def of(cls, arrays: dict[str, NDArray[np.generic]]) -> "Forest":
        """A forest from what :meth:`arrays` gave. Raises ``KeyError`` when a part is missing, ``ValueError`` when it leads astray."""
        found: dict[str, Any] = {each.name: arrays[each.name] for each in fields(cls)}
        forest = cls(**{**found, "depth": int(found["depth"]), "usual_path": float(found["usual_path"])})
        size = len(forest.threshold)
        for name in ("roots", "left", "right"):
            nodes = getattr(forest, name)
            if nodes.size and not 0 <= int(nodes.min()) <= int(nodes.max()) < size:
                raise ValueError(f"the forest's {name} lead out of it")
        return forest


def grow(rows: Floats, *, trees: int, sample: int, seed: int) -> Forest:
    """Grow a forest on rows, each tree on ``sample`` of them (all, when there are fewer). The same rows and seed give the same forest."""
    from sklearn.ensemble import IsolationForest  # noqa: PLC0415  # seconds and megabytes that only training pays

    sample = min(sample, len(rows))
    grown = IsolationForest(n_estimators=trees, max_samples=sample, random_state=seed).fit(rows.astype(np.float32))
    parts: dict[str, list[NDArray[np.generic]]] = {name: [] for name in ("left", "right", "feature", "threshold", "path")}
    roots, depth, size = [], 0, 0
    for estimator in grown.estimators_:
        tree = estimator.tree_
        own = np.arange(tree.node_count)
        leaf = tree.children_left < 0
        depths = _depths(tree.children_left, tree.children_right)
        roots.append(size)
        parts["left"].append(size + np.where(leaf, own, tree.children_left))
        parts["right"].append(size + np.where(leaf, own, tree.children_right))
        parts["feature"].append(np.where(leaf, 0, tree.feature).astype(np.int64))
        parts["threshold"].append(np.where(leaf, np.inf, tree.threshold))
        parts["path"].append(depths + average_path(tree.n_node_samples))
        depth = max(depth, int(depths.max()))
        size += tree.node_count
    joined = {name: np.concatenate(values) for name, values in parts.items()}
    return Forest(roots=np.array(roots), **joined, depth=depth, usual_path=float(average_path(np.array([sample]))[0]))


def average_path(sizes: NDArray[np.generic]) -> Floats:
    """How many splits an unsuccessful search in a random binary tree of so many takes on average (Preiss 1999; Liu et al., equation 1)."""
    size = np.asarray(sizes, dtype=float)
    found = np.where(size == 2, 1.0, 0.0)  # noqa: PLR2004  # two are told apart by one split
    many = size > 2  # noqa: PLR2004  # as above
    found[many] = 2 * (np.log(size[many] - 1) + np.euler_gamma) - 2 * (size[many] - 1) / size[many]
    return found


def _depths(left: Integers, right: Integers) -> Floats:
    """Splits above each node; a parent is numbered before its children."""
    depths = np.zeros(len(left))
    for node in range(len(left)):
        if left[node] >= 0:
            depths[left[node]] = depths[right[node]] = depths[node] + 1
    return depths
