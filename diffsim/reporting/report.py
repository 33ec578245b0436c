"""Reports (``diffsim-report``): tables and pictures of all runs of some folders."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from diffsim.reporting.config import ReportConfig, check_report, folders, group_keys, output_folder
from diffsim.reporting.curves import plot_curves
from diffsim.reporting.gather import LeftOut, gather, in_order
from diffsim.reporting.groups import Comparison, compare
from diffsim.reporting.judging import Contest
from diffsim.reporting.report_tables import (
    Cells,
    markdown_table,
    notes_of,
    origins,
    runs_cells,
    runs_table,
    summary_cells,
    summary_table,
)
from diffsim.validation import ConfigError

MOST_ROWS = 50
"""Most rows of a table, and notes, on the terminal; all of them are in the files."""

NUMBERS = ("seed", "iterations", "evaluations", "seconds", "best", "last")
"""Columns that are justified at the right."""

FOLDER = 24
"""Least width of the column with the runs' folders."""

EXPLAINED = (
    "Median (smallest to largest) over the runs of a group, those that are not finished as far as "
    'they got; "last" is the value of the last iteration. In pictures: the median of the best so '
    "far, and a band from the smallest to the largest. A run that has ended keeps its best, one "
    "that has not begun counts as the worst, and a group's curve ends where fewer than half of its "
    "runs went on."
)


class Picture(NamedTuple):
    """Learning curves of one problem.

    Attributes:
        path: of the PNG.
        notes: what is to be said about it.
    """

    path: Path
    notes: list[str]


def write_report(config: ReportConfig, console: Console) -> list[Comparison]:
    """Gather runs; write ``runs.csv``, ``summary.csv``, ``report.md`` and pictures of curves.

    Raises:
        ConfigError: if a folder does not exist, has no runs, or the runs have no such metric or
            key.
    """
    check_report(config)
    gathered = gather(folders(config))
    known = [run for run in gathered.runs if run.config]
    unknown = [run for run in gathered.runs if not run.config]
    if not known:
        lost = [*gathered.left_out, *(LeftOut(run.place, run.notes[0]) for run in unknown)]
        why = f" ({lost[0].place}: {lost[0].reason})" if lost else ""
        named = ", ".join(f"'{folder}'" for folder in folders(config))
        raise ConfigError(f"runs must have a run's folder in or below them, got {named}{why}")
    comparisons = compare(known, config.metric, group_keys(config))

    folder = output_folder(config)
    folder.mkdir(parents=True, exist_ok=True)
    runs_table(comparisons, unknown).to_csv(folder / "runs.csv", index=False)
    summary_table(comparisons).to_csv(folder / "summary.csv", index=False)
    pictures = _draw(comparisons, folder)
    judged = [one for c in comparisons for group in c.groups for one in group.members]
    notes = sorted(notes_of([*judged, *unknown]), key=lambda note: in_order(note[0]))
    notes += [(place, f"left out: {reason}") for place, reason in gathered.left_out]
    text = _markdown(comparisons, pictures, notes, origins(known))
    (folder / "report.md").write_text(text)
    _show(comparisons, notes, console)
    for picture in pictures.values():
        for note in picture.notes:
            _say(console, f"{picture.path.name} shows {note}")
    for line in origins(known):
        _say(console, line)
    _say(console, f"Everything is in {folder}")
    return comparisons


def _draw(comparisons: Sequence[Comparison], folder: Path) -> dict[Contest, Picture]:
    """A picture for each problem that has curves."""
    with_curves = [c for c in comparisons if any(len(group.figures) for group in c.groups)]
    pictures: dict[Contest, Picture] = {}
    for comparison in with_curves:
        kind, body, metric, _ = comparison.problem
        name = f"curves_{kind}_{body}_{metric}" if len(with_curves) > 1 else "curves"
        if any(kind == k and body == b and metric == m for k, b, m, _ in pictures):
            name += f"_{len(pictures) + 1}"  # a figure that means something else in other runs
        path = folder / f"{re.sub(r'[^A-Za-z0-9_.-]', '_', name)}.png"
        pictures[comparison.problem] = Picture(path, plot_curves(comparison, path))
    return pictures


def _markdown(
    comparisons: Sequence[Comparison],
    pictures: Mapping[Contest, Picture],
    notes: Sequence[tuple[str, str]],
    origin: Sequence[str],
) -> str:
    """The report for people."""
    count = sum(len(group.members) for c in comparisons for group in c.groups)
    parts = [f"# {count} run{'s' * (count != 1)}", EXPLAINED]
    for comparison in comparisons:
        title = comparison.problem.title
        parts += [f"## {title}", markdown_table(summary_cells(comparison))]
        if comparison.problem in pictures:
            picture = pictures[comparison.problem]
            parts.append(f"![Learning curves, {title}]({picture.path.name})")
            parts += [f"The picture shows {note}." for note in picture.notes]
        also = [key for key in comparison.differing if key not in comparison.keys]
        if also:
            parts.append(f"Its runs also differ in {', '.join(also)} (`runs.csv`).")
        parts.append(markdown_table(runs_cells(comparison)))
    if notes:
        parts += ["## Not finished, incomplete or left out"]
        parts.append("\n".join(f"- `{place}`: {note}" for place, note in notes))
    parts += ["## Where they come from", "\n".join(f"- {line}" for line in origin)]
    return "\n\n".join(parts) + "\n"


def _show(
    comparisons: Sequence[Comparison], notes: Sequence[tuple[str, str]], console: Console
) -> None:
    for comparison in comparisons:
        console.print(_rich(comparison.problem.title, runs_cells(comparison)))
    for comparison in comparisons:
        title = f"{comparison.problem.title}, median (smallest to largest)"
        console.print(_rich(title, summary_cells(comparison)))
    if notes:
        _say(console, "Not finished, incomplete or left out:")
    for place, note in notes[:MOST_ROWS]:
        _say(console, f"  {place}: {note}")
    if len(notes) > MOST_ROWS:
        _say(console, f"  and {len(notes) - MOST_ROWS} more, in report.md")


def _rich(title: str, cells: Cells) -> Table:
    headings, lines = cells
    more = len(lines) - MOST_ROWS
    caption = f"and {more} more, in the files" if more > 0 else None
    shown = Table(title=Text(title), title_justify="left", caption=caption, caption_justify="left")
    for heading in headings:
        text = Text(heading.replace(".", ".\n"))  # keys are long
        justify: JustifyMethod = "right" if heading in NUMBERS else "left"
        least = FOLDER if heading == "folder" else None
        shown.add_column(text, justify=justify, overflow="fold", min_width=least)
    for line in lines[:MOST_ROWS]:
        shown.add_row(*map(Text, line))
    return shown


def _say(console: Console, line: str) -> None:
    console.print(line, soft_wrap=True, highlight=False, markup=False)
