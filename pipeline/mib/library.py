"""An installation's own MIBs: the sources that people added, kept by vendor and module, and the index that is made of them.

``sources/<vendor>/<module>.txt`` holds each module as it was given, so that later ones can import it and the index can be made anew.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.config.mib_file import INDEX_NAME, Facts, load_facts, read_modules
from pipeline.config.problem import ConfigError
from pipeline.core.mib import STANDARD, MibIndex, MibModule
from pipeline.mib.compiling import (
    FACTS_NAME,
    CompileReport,
    Failure,
    Identity,
    Outcome,
    Progress,
    compile_modules,
    identified,
    silent,
    write_index,
)
from pipeline.mib.fixup import imports_of
from pipeline.mib.source import Source, Unreadable, find_sources, modules_of

SOURCES = "sources"
Accept = Callable[[MibIndex], None]
"""Raises ``ConfigError`` when an index is not fit to be used, and nothing is changed then."""


def accept_any(_index: MibIndex) -> None:
    """Refuses nothing."""


class InUseError(Exception):
    """A module cannot be removed, because another imports it; the message names both."""


@dataclass(frozen=True, slots=True)
class Library:
    """The MIBs in ``folder``; ``packaged`` is the folder of those that come along, which every index holds too."""

    folder: Path
    packaged: Path

    def add(
        self, paths: Sequence[Path], vendor: str, timeout_s: float, progress: Progress = silent, accept: Accept = accept_any
    ) -> CompileReport:
        """Add the modules of files, folders and archives; what did not change since it was compiled is not compiled again.

        Sources that fail are kept, since what they miss may come later; one that replaces a module that compiled is not, and the module
        before stays. Raises ``ConfigError`` (and changes nothing) when ``accept`` refuses.
        """
        facts = load_facts(self.packaged / FACTS_NAME)
        kept = self.sources()
        found, unreadable = find_sources(paths)
        known = {module: owner for owner, module in sorted(kept, reverse=True)}
        given, doubles = identified(found, facts, known, vendor)
        before = {module.identity: module for module in self._own_modules()}
        outcome = compile_modules({**kept, **given}, facts, before, timeout_s, progress)
        failed = {failure.identity for failure in outcome.failures}
        stay = failed & given.keys() & kept.keys() & before.keys()
        refused = [replace(each, remedy=f"{each.remedy}; the one before stays") for each in outcome.failures if each.identity in stay]
        taken = _without(given, stay)
        if stay:
            newest = {module.identity: module for module in outcome.modules}
            outcome = compile_modules({**kept, **taken}, facts, {**before, **newest}, timeout_s)
        index = self._write(outcome, accept, lambda: self._keep(taken))
        told = [Failure("", each.file, 0, each.message, each.remedy) for each in unreadable]
        failures = [each for each in outcome.failures if each.identity in taken or each.identity in before]
        compiled = tuple(each for each in outcome.compiled if each.identity in taken)
        return CompileReport(compiled, (*told, *doubles, *refused, *failures), index)

    def rebuild(self, timeout_s: float, progress: Progress = silent, accept: Accept = accept_any) -> CompileReport:
        """Compile all sources anew. Raises as :meth:`add`."""
        outcome = compile_modules(self.sources(), self._facts(), {}, timeout_s, progress)
        return CompileReport(outcome.compiled, outcome.failures, self._write(outcome, accept))

    def remove(self, names: Sequence[str], timeout_s: float, accept: Accept = accept_any) -> tuple[Identity, ...]:
        """Remove ``MODULE`` or ``VENDOR/MODULE``, and return those that were.

        Raises ``KeyError`` for a name that is none, ``InUseError`` when another module imports one, and ``ConfigError`` as :meth:`add`.
        """
        kept = self.sources()
        going: set[Identity] = set()
        for name in names:
            hits = {identity for identity in kept if name in {identity[1], "/".join(identity)}}
            if not hits:
                raise KeyError(name)
            going |= hits
        self._check_unused(kept, going)
        before = {module.identity: module for module in self._own_modules()}
        outcome = compile_modules(_without(kept, going), self._facts(), before, timeout_s)
        self._write(outcome, accept, lambda: self._drop(going))
        return tuple(sorted(going))

    def _check_unused(self, kept: Mapping[Identity, Source], going: set[Identity]) -> None:
        for identity, source in sorted(_without(kept, going).items()):
            for module in imports_of(source.text):
                rest = [other for other in kept if other[1] == module and other not in going]
                lost = [other for other in going if other[1] == module and other[0] in {identity[0], STANDARD}]
                if lost and not rest:
                    message = f"{'/'.join(identity)} imports {module}; remove both, {module} alone would leave it without a meaning"
                    raise InUseError(message)

    def sources(self) -> dict[Identity, Source]:
        """What was added, by vendor and module."""
        found: dict[Identity, Source] = {}
        for file in sorted((self.folder / SOURCES).glob("*/*.txt")):
            modules = modules_of(file)
            for source in () if isinstance(modules, Unreadable) else modules:
                found[file.parent.name, source.module] = source
        return found

    def modules(self) -> tuple[MibModule, ...]:
        """All modules of the index; none when there is no index yet."""
        return read_modules(self.folder) if (self.folder / INDEX_NAME).exists() else ()

    def _own_modules(self) -> tuple[MibModule, ...]:
        try:
            return tuple(module for module in self.modules() if module.digest)
        except ConfigError:  # of an older version: all is compiled anew
            return ()

    def _facts(self) -> Facts:
        return load_facts(self.packaged / FACTS_NAME)

    def _write(self, outcome: Outcome, accept: Accept, change: Callable[[], object] = lambda: None) -> MibIndex:
        """Write the index, after ``change`` to the sources; nothing of both when ``accept`` refuses it."""
        own = {module.identity for module in outcome.modules}
        packaged = (module for module in read_modules(self.packaged) if not module.digest or module.identity not in own)
        modules = (*packaged, *outcome.modules)
        index = MibIndex.of_modules(modules)
        accept(index)
        self.folder.mkdir(parents=True, exist_ok=True)
        change()
        write_index(self.folder / INDEX_NAME, modules)
        return index

    def _keep(self, given: Mapping[Identity, Source]) -> None:
        for identity, source in given.items():
            place = self._place(identity)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(source.text, encoding="utf-8")

    def _drop(self, going: Iterable[Identity]) -> None:
        for identity in going:
            self._place(identity).unlink()

    def _place(self, identity: Identity) -> Path:
        return self.folder / SOURCES / identity[0] / f"{identity[1]}.txt"


def _without(sources: Mapping[Identity, Source], left_out: Iterable[Identity]) -> dict[Identity, Source]:
    return {identity: source for identity, source in sources.items() if identity not in left_out}
