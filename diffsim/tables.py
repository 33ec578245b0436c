"""Open tables: the kinds of tasks, shapes, joints and the like by name, to which anyone may add.

A table names what diffsim brings; each kind is imported when it is first used. Three ways lead from
outside into a table, all of which run the code of whoever is named:

- entry points of an installed package, in the group ``diffsim.<table>``, such as
  ``[project.entry-points."diffsim.joints"] screw = "my_package.screw:Screw"``;
- a module that calls ``add`` when it is imported: in Python ``import my_module``, on the command
  line ``plugins=[my_module]``;
- for the tables of tasks, controllers and optimisers, such a module as a file in a folder of
  configs: ``mine/task/hop.py`` for ``--config-dir mine task=hop``. It is run when it is chosen.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from diffsim.validation import ConfigError

Kind = TypeVar("Kind")

FILES = "diffsim_file_"
"""Beginning of the names of modules that are the user's files in a folder of configs."""


class Parameter(NamedTuple):
    """A number that a kind needs beyond what all of its group have.

    A robot's file gives it under ``parameters`` of the joint or geom.

    Attributes:
        unit: such as "m".
        default: None where it has to be given.
        above, at_least: bounds, None for none.
        nonzero: whether it must not be 0.
    """

    unit: str
    default: float | None = None
    above: float | None = None
    at_least: float | None = None
    nonzero: bool = False


class KindTable(Mapping[str, Kind], Generic[Kind]):
    """Kinds of one group by name. What is not there raises ``KeyError``; iteration gives names."""

    def __init__(self, group: str, own: Mapping[str, str], *, classes: bool = False) -> None:
        """Nothing is imported yet.

        Args:
            group: such as "joints".
            own: the place of every kind that diffsim brings, as "module:Class".
            classes: whether the kinds are these classes themselves, and not objects of them.
        """
        self.group = group
        self._places = dict(own)
        self._classes = classes
        self._files: dict[str, Path] = {}
        self._running: str | None = None  # the kind whose file is being run
        self._found: dict[str, Kind] = {}

    def add(self, name: str, kind: Kind) -> None:
        """Enter a kind, from the module that has it.

        Raises:
            ValueError: if there is another one of this name, or the kind is a class whose
                ``Config`` has another.
        """
        self._check_name(name, kind)
        place = _place(kind)
        known = [self._places.get(name)]
        if name in self._files and name != self._running:
            known.append(str(self._files[name]))
        if name in self._found:
            known.append(_place(self._found[name]))
        elif name in self._entry_points:
            known.append(self._entry_points[name].value)
        if any(other not in (None, place) for other in known):  # else it is imported anew
            raise ValueError(f"{self.group} must have names of their own, got '{name}' twice")
        self._found[name] = kind

    def add_file(self, name: str, path: Path) -> None:
        """Note a Python file that adds a kind, to be run when the kind is first asked for.

        A kind that a module has added already comes before it.

        Raises:
            ConfigError: if there is another kind of this name.
        """
        added = name in self._found and name not in self._places
        if added or self._files.get(name) == path:
            return
        if name in self:
            raise ConfigError(
                f"{self.group} must have names of their own, got '{name}' of {path} twice"
            )
        self._files[name] = path

    def __getitem__(self, name: str) -> Kind:
        if name not in self._found:
            if name in self._places:
                module, attribute = self._places[name].split(":")
                self._found[name] = self._kind(getattr(import_module(module), attribute))
            elif name in self._files:
                self._run(name, self._files[name])
            else:
                self._found[name] = self._load(self._entry_points[name])
        return self._found[name]

    def kind(self, name: str, key: str) -> Kind:
        """The kind of this name.

        Raises:
            ConfigError: naming the key, the name and the kinds that there are.
        """
        if name not in self:
            raise ConfigError(
                f"{key} must be one of {', '.join(self)}, got '{name}': those of yours come by "
                "plugins= or --config-dir"
            )
        return self[name]

    @property
    def own(self) -> tuple[str, ...]:
        """Names of the kinds that diffsim brings."""
        return (*self._places,)

    def __iter__(self) -> Iterator[str]:
        everywhere = (self._places, self._found, self._files, self._entry_points)
        return iter(dict.fromkeys(name for names in everywhere for name in names))

    def __len__(self) -> int:
        return len([*iter(self)])

    def __contains__(self, name: object) -> bool:
        # Entry points are looked for only where nothing else has the name.
        known = (self._places, self._found, self._files)
        return any(name in names for names in known) or name in self._entry_points

    def _kind(self, found: Any) -> Any:
        return found if self._classes else found()

    def _check_name(self, name: str, kind: Any) -> None:
        """A kind with the ``Config`` of another one would run that one."""
        own = getattr(getattr(kind, "Config", None), "kind", None)
        if self._classes and own != name:
            raise ValueError(
                f"{self.group} must have a Config of their own with the kind's name, '{name}' has "
                f"that of '{own}'"
            )

    def _run(self, name: str, path: Path) -> None:
        """Run a file that adds a kind."""
        spec = spec_from_file_location(f"{FILES}{self.group}_{name}", path)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[spec.name] = module_from_spec(spec)
        self._running = name
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            del sys.modules[spec.name]
            self._found.pop(name, None)
            raise ConfigError(f"{path} cannot be run: {type(error).__name__}: {error}") from error
        finally:
            self._running = None
        if name not in self._found:
            raise ConfigError(f"{path} must add a kind named '{name}' to the table of {self.group}")

    def _load(self, point: EntryPoint) -> Any:
        try:
            kind = self._kind(point.load())
            self._check_name(point.name, kind)
            return kind
        except Exception as error:
            raise ConfigError(
                f"the entry point {point.group} '{point.name}' = {point.value} cannot be loaded: "
                f"{type(error).__name__}: {error}"
            ) from error

    @cached_property
    def _entry_points(self) -> dict[str, EntryPoint]:
        found: dict[str, EntryPoint] = {}
        for point in entry_points(group=f"diffsim.{self.group}"):
            if point.name in self._places or point.name in found:
                raise ConfigError(
                    f"the entry point diffsim.{self.group} must have a name of its own, got "
                    f"'{point.name}' of {point.value} twice"
                )
            found[point.name] = point
        return found


def _place(kind: Any) -> str:
    """Place of a kind's class, as "module:Class"."""
    own = kind if isinstance(kind, type) else type(kind)
    return f"{own.__module__}:{own.__qualname__}"


_LOADED: set[str] = set()


def load_plugins(modules: Sequence[str], folders: Sequence[str] = ()) -> None:
    """Import modules that add kinds to tables. This runs their code.

    Args:
        modules: names as in an import statement.
        folders: in which they may be, beside those that Python knows.

    Raises:
        ConfigError: if one of them cannot be imported.
    """
    if not isinstance(modules, Sequence) or isinstance(modules, str):
        raise ConfigError(f"plugins must be a list of modules, got {modules!r}")
    if modules:
        sys.path += [folder for folder in folders if folder not in sys.path]
    for name in modules:
        try:
            import_module(name)
        except Exception as error:
            raise ConfigError(
                f"plugins must name modules that can be imported, got '{name}': "
                f"{type(error).__name__}: {error}"
            ) from error
        _LOADED.add(name)


def require_plugins(modules: Sequence[str]) -> None:
    """Check that the plugins of a saved run are loaded; a folder alone never has code run.

    Raises:
        ConfigError: naming the run's plugins.
    """
    missing = [name for name in modules if name not in _LOADED and name not in sys.modules]
    if missing:
        raise ConfigError(
            f"plugins must name those of the run, whose code will run: add "
            f"plugins=[{','.join(modules)}]"
        )
