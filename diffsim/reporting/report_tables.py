"""Tables of many runs: a row for each run, a row for each group, and where they come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from diffsim.reporting.differences import CHOICES, short_text, short_texts, value_at
from diffsim.reporting.gather import RunFiles, in_order
from diffsim.reporting.groups import Comparison, RunGroup
from diffsim.reporting.judging import Judged, judge
from diffsim.reporting.texts import NOTHING, number, spread
from diffsim.runs.salvage import AXES

Cells = tuple[list[str], list[list[str]]]
"""Headings and rows of texts."""

PROGRESS = ("iterations", "evaluations", "wall_s")
"""How far a run came."""

MOST_COLUMNS = 3
"""Of keys in tables for people; groups that differ in more are numbered and described."""

COMMIT = 12
"""Digits of a commit that are shown."""


def runs_table(
    comparisons: Sequence[Comparison], without_config: Sequence[RunFiles]
) -> pd.DataFrame:
    """A row for each run, with everything; empty where something is not known."""
    groups = [group for comparison in comparisons for group in comparison.groups]
    configs = [one.run.config for group in groups for one in group.members]
    keys = [key for key in CHOICES if len(set(short_texts(configs, key))) > 1]
    for comparison in comparisons:
        keys += [*comparison.differing, *comparison.keys]
    rows = [
        {
            **_known(one.run),
            "name": one.run.config.get("name"),
            "group": group.number,
            **{key: _plain(value_at(one.run.config, key)) for key in keys},
            "seed": one.run.config.get("seed"),
            "metric": one.metric,
            "final": one.final,
            "best": one.best,
            "commit": commit_of(one.run),
            "device": device_of(one.run),
            "machine": machine_of(one.run),
            "note": "; ".join(one.notes),
        }
        for group in groups
        for one in group.members
    ]
    rows += [_known(run) | {"note": "; ".join(run.notes)} for run in without_config]
    table = pd.DataFrame(rows)
    results = [name for name in table.columns if name.startswith("result_")]
    order = [*("folder", "name", "status", "group"), *keys, *("seed", *PROGRESS)]
    order += [*("metric", "final", "best", "loss_final", "loss_best", "succeeded"), *results]
    order += ["commit", "device", "machine", "note"]
    return table[list(dict.fromkeys(order))].sort_values(
        "folder", key=lambda places: places.map(in_order)
    )


def summary_table(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """A row for each group: median, smallest and largest over its runs."""
    rows = []
    for comparison in comparisons:
        kind, body, metric, _ = comparison.problem
        for group in comparison.groups:
            row: dict[str, Any] = {"group": group.number, "task": kind, "body": body}
            row |= dict(zip(comparison.keys, group.values, strict=True))
            row |= {
                "runs": len(group.members),
                "seeds": group.seeds,
                "finished": group.finished,
                "succeeded": group.succeeded,
                "metric": metric,
            }
            for name, values in _figures(group).items():
                known = values[~np.isnan(values)]
                if len(known):
                    row[f"{name}_median"] = float(np.median(known))
                    row[f"{name}_smallest"] = float(known.min())
                    row[f"{name}_largest"] = float(known.max())
            rows.append(row)
    # The keys of all problems before what is said of them.
    keys = dict.fromkeys(key for comparison in comparisons for key in comparison.keys)
    table = pd.DataFrame(rows)
    return table[list(dict.fromkeys(["group", "task", "body", *keys, *table.columns]))]


def summary_cells(comparison: Comparison) -> Cells:
    """Groups for people; a key that is the same in all is left out."""
    keys, values = _telling_cells(comparison)
    headings = [*keys, "seeds", "succeeded", "evaluations", "seconds", "best", "last"]
    lines = []
    for group in comparison.groups:
        found = _figures(group)
        line = [*values[group.number], _seeds(group), f"{group.succeeded} of {len(group.members)}"]
        lines.append(
            [*line, *(spread(found[n]) for n in ("evaluations", "wall_s", "best", "final"))]
        )
    return headings, lines


def runs_cells(comparison: Comparison) -> Cells:
    """The runs of all groups for people, in the order of their folders."""
    keys, values = _telling_cells(comparison)
    named = len(comparison.telling) > MOST_COLUMNS
    headings = ["folder", "status", *keys[: 1 if named else None], "seed", "iterations"]
    headings += ["evaluations", "seconds", "succeeded", "best", "last"]
    rows = {}
    for group in comparison.groups:
        for one in group.members:
            seed, progress = one.run.config.get("seed"), _progress(one.run)
            line = [one.run.place, one.run.status, *values[group.number][: 1 if named else None]]
            line += [NOTHING if seed is None else str(seed)]
            line += [number(progress[name]) for name in PROGRESS]
            line += [_yes_or_no(one.run.succeeded), number(one.best), number(one.final)]
            rows[one.run.place] = line
    return headings, [rows[place] for place in sorted(rows, key=in_order)]


def _telling_cells(comparison: Comparison) -> tuple[list[str], dict[int, list[str]]]:
    """Columns that tell groups apart, by the groups' numbers: keys, or number and label."""
    telling, groups = comparison.telling, comparison.groups
    if len(telling) > MOST_COLUMNS:
        cells = {group.number: [str(group.number), comparison.label(group)] for group in groups}
        return ["group", "what it has"], cells
    headings = [comparison.keys[column] for column in telling]
    return headings, {group.number: [group.values[i] for i in telling] for group in groups}


def markdown_table(cells: Cells) -> str:
    """Cells as a table in Markdown."""
    headings, lines = cells
    rows = [headings, ["---"] * len(headings), *lines]
    return "\n".join(f"| {' | '.join(map(_escaped, row))} |" for row in rows)


def origins(runs: Iterable[RunFiles]) -> list[str]:
    """Commits, machines and versions, and whether they are mixed."""
    known = [run for run in runs if run.manifest]
    lines = [
        _mixed("commit", "commits", map(commit_of, known)),
        _mixed("machine", "machines", (f"{machine_of(r)}, {device_of(r)}" for r in known)),
    ]
    versions: dict[str, list[str]] = {}
    for run in known:
        for package, version in {"python": run.manifest.get("python"), **_versions(run)}.items():
            versions.setdefault(package, []).append(str(version))
    texts, mixed = [], False
    for package, found in versions.items():
        counts = Counter(found)
        mixed |= len(counts) > 1
        texts.append(f"{package} {' and '.join(sorted(counts))}")
    if texts:
        lines.append(f"{'Mixed versions' if mixed else 'Versions'}: {', '.join(texts)}.")
    created = sorted(str(run.manifest.get("created", ""))[:10] for run in known)
    if created:
        lines.append(f"Runs of {created[0]}{f' to {created[-1]}' * (created[0] != created[-1])}.")
    return lines


def commit_of(run: RunFiles) -> str | None:
    """The commit that a run was made with, "+" if its tree was changed; None if not known."""
    git = run.manifest.get("git")
    if not isinstance(git, dict) or not git.get("commit"):
        return None
    return f"{str(git['commit'])[:COMMIT]}{'+' if git.get('dirty') else ''}"


def device_of(run: RunFiles) -> str | None:
    """Platform and kind of the device that a run was computed on."""
    device = run.manifest.get("device")
    if not isinstance(device, dict):
        return None
    platform, kind = (str(device.get(name, "unknown")) for name in ("platform", "kind"))
    return platform if platform == kind else f"{platform} ({kind})"


def machine_of(run: RunFiles) -> str | None:
    """The processor of a run's machine, and how many cores it has."""
    machine = run.manifest.get("machine")
    if not isinstance(machine, dict):
        return None
    cores = machine.get("cores")
    return f"{machine.get('processor')}, {cores} core{'s' * (cores != 1)}"


def _mixed(one: str, several: str, values: Iterable[str | None]) -> str:
    counts = Counter(value or "unknown" for value in values)
    if len(counts) <= 1:
        return f"{one.capitalize()}: {next(iter(counts), 'unknown')}."
    listed = "; ".join(f"{value} ({_counted(count)})" for value, count in counts.most_common())
    return f"Mixed {several}: {listed}."


def _counted(count: int) -> str:
    return f"{count} run{'s' if count != 1 else ''}"


def _versions(run: RunFiles) -> dict[str, Any]:
    versions = run.manifest.get("versions")
    return versions if isinstance(versions, dict) else {}


def _progress(run: RunFiles) -> dict[str, float]:
    """Progress of a run, by its metrics, or else by its result."""
    if len(run.metrics):
        last = run.metrics.iloc[-1]
        return {n: float(last[axis]) for n, axis in zip(PROGRESS, AXES, strict=True)}
    return {name: _number(run.result.get(name)) for name in PROGRESS}


def _known(run: RunFiles) -> dict[str, Any]:
    """Entries that are known even of a run without a config."""
    return {
        "folder": run.place,
        "status": run.status,
        **_progress(run),
        **_losses(run),
        "succeeded": run.succeeded,
        **_result(run),
    }


def _losses(run: RunFiles) -> dict[str, float]:
    loss = judge(run, "loss")
    return {"loss_final": loss.final, "loss_best": loss.best}


def _result(run: RunFiles) -> dict[str, float]:
    """The figures of the best point, as ``result.json`` has them."""
    metrics = run.result.get("metrics")
    found = metrics if isinstance(metrics, dict) else {}
    return {f"result_{name}": _number(value) for name, value in found.items()}


def _number(value: Any) -> float:
    """A number of a JSON file, which writes inf and nan as texts."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _figures(group: RunGroup) -> dict[str, np.ndarray]:
    """Numbers of a group's runs, each of shape (runs,)."""
    rows = []
    for member in group.members:
        progress = _progress(member.run)
        row = {name: progress[name] for name in ("evaluations", "wall_s")}
        rows.append(row | {"best": member.best, "final": member.final} | _losses(member.run))
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _seeds(group: RunGroup) -> str:
    """Seeds, and what is to be known about them: repeats, and runs that are not finished."""
    runs, unfinished = len(group.members), len(group.members) - group.finished
    said = [_counted(runs)] if runs != group.seeds else []
    said += [f"{unfinished} not finished"] if unfinished else []
    return f"{group.seeds} ({', '.join(said)})" if said else str(group.seeds)


def _yes_or_no(succeeded: bool | None) -> str:
    return NOTHING if succeeded is None else "yes" if succeeded else "no"


def _plain(value: Any) -> Any:
    """A value for a CSV file: numbers and texts as they are, the rest in short words."""
    return short_text(value) if isinstance(value, list | dict) else value


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def notes_of(runs: Iterable[Judged | RunFiles]) -> list[tuple[str, str]]:
    """Place and note of each run that has one, or that did not finish."""
    found = []
    for one in runs:
        run = one.run if isinstance(one, Judged) else one
        said = [] if run.status == "finished" else [run.status]
        said += one.notes
        if said:
            found.append((run.place, "; ".join(said)))
    return found
