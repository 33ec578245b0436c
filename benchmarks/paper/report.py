"""The report: the paper's table beside ours, pictures, commands, and what differs."""

from __future__ import annotations

import base64
import html
import math
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt  # comes with rich

from benchmarks.paper.pictures import draw_all
from benchmarks.paper.plan import SCALES, Scale, plan
from benchmarks.paper.rows import DIGITS, EXPERIMENTS, Row, Runs, rows, spread
from diffsim.cli.jobs import Job
from diffsim.reporting.report_tables import markdown_table
from diffsim.reporting.texts import number
from diffsim.runs.folder import RunFolder, read_json

PICTURES = "pictures"
ABOUT = {
    1: "A ball, 1 m across, is thrown such that it rests at 10 m after 5 s; six numbers.",
    2: "A quadruped of 17 bodies, a controller in the loop, 10 s: forward, and with the gradient.",
    3: "An arm of 4 joints goes to (0.5, 0.5, 0.5) m; a net of 17,284 parameters.",
    4: "The same arm goes wherever it is told; 2,107,396 parameters, 128 episodes an update.",
    5: "A quadruped of 29 kg learns to run; 17,952 parameters, one episode an evaluation.",
    6: "A cart swings a pendulum up and balances it by what a camera sees, 288 × 96 pixels.",
}
OF_EXPERIMENT = {
    1: ("ball_curves", "ball_path"),
    2: ("table1",),
    3: ("arm_fixed_curves", "arm_strip"),
    4: ("arm_random_curves", "arm_random_strip"),
    5: ("gait_curves", "gait_strip"),
    6: ("pendulum_curves", "pendulum_strip"),
}
PARTS = {
    1: "ball",
    2: "table1",
    3: "arm_fixed",
    4: "arm_random",
    5: "quadruped_gait",
    6: "pendulum",
}
"""With what the names of an experiment's jobs begin."""
EXPLAINED = (
    'Ours: median (smallest to largest) over runs that differ in the seed or the start; "never" is '
    "a run that did not get there, and counts as the worst. Ratio: how many times better than the "
    "paper. A figure is met if the median is at least as good as the paper's; how many runs are, "
    "is said where they do not agree. In the pictures the median is bold, each run thin, and "
    "dotted what the paper reports."
)
SUMMARY = ("<!-- the summary of docs/results.md -->", "<!-- its end -->")
"""Between these the README has it."""
STYLE = """
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif;
       color: #222; background: #fff }
table { border-collapse: collapse; font-size: 0.85rem; margin: 1rem 0 }
th, td { border: 1px solid #ccc; padding: 0.25rem 0.5rem; text-align: left; vertical-align: top }
th { background: #f2f2f2 }
img { max-width: 100% }
code { font-size: 0.85em; overflow-wrap: anywhere }
pre { white-space: pre-wrap }
"""


def write_report(name: str, folder: Path, failed: Mapping[str, str]) -> Path:
    """Write the report of a scale to its own folder and, as the newest, to the one above.

    Args:
        name: of the scale.
        folder: of all scales.
        failed: the reasons of jobs that failed in this call.

    Returns:
        The newest report as Markdown; beside it is the same as a single HTML file.
    """
    scale, place = SCALES[name], folder / name
    runs = Runs(place)
    captions = draw_all(runs, place / PICTURES)
    jobs = [job for chain in plan(scale, place) for job in chain.jobs]
    text = markdown(name, scale, rows(scale, place), jobs, captions, failed)
    for target, pictures in ((place, PICTURES), (folder, f"{name}/{PICTURES}")):
        here = text.replace(f"]({PICTURES}/", f"]({pictures}/")
        (target / "REPORT.md").write_text(here)
        (target / "REPORT.html").write_text(page(here, target))
    return folder / "REPORT.md"


def markdown(
    name: str,
    scale: Scale,
    found: Sequence[Row],
    jobs: Sequence[Job],
    captions: Mapping[str, str],
    failed: Mapping[str, str],
) -> str:
    """The whole report."""
    manifests = {job.name: m for job in jobs if (m := _manifest(job)) is not None}
    missing = [job for job in jobs if not _is_done(job)]
    parts = [
        "# The paper's experiments, reproduced",
        "Degrave, Hermans, Dambre, wyffels, *A Differentiable Physics Engine for Deep Learning in "
        f"Robotics* (2019), and diffsim. `make reproduce-paper SCALE={name}`: {scale.about}.",
        _origin(manifests, jobs),
        _missing(missing, failed),
        "## Summary",
        summary(scale, found),
        EXPLAINED,
    ]
    for experiment, title in EXPERIMENTS.items():
        mine = [row for row in found if row.experiment == experiment]
        parts += [f"## {experiment}: {title}", ABOUT[experiment], details(scale, mine)]
        parts.append(_commands(experiment, jobs))
        parts += [
            f"![{captions[picture]}]({PICTURES}/{picture}.png)\n\n{captions[picture]}."
            for picture in OF_EXPERIMENT[experiment]
            if picture in captions
        ]
    parts += [
        "## What differs from the paper, and why",
        (Path(__file__).parent / "differences.md").read_text().strip(),
        "## Every run",
        "Everything about a run, with its replay in 3D, is in its folder.",
        _every_run(jobs, manifests),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def summary(scale: Scale, found: Sequence[Row]) -> str:
    """Table of all figures of the paper, and how many of them are met."""
    compared = [row for row in found if row.paper is not None and not row.detail]
    head = ["experiment", "figure", "the paper", "diffsim", "ratio", "met?"]
    lines = []
    for before, row in zip([None, *compared], compared, strict=False):
        new = before is None or before.experiment != row.experiment
        title = f"{row.experiment}: {EXPERIMENTS[row.experiment]}" if new else ""
        lines.append([title, row.what, *_figures(scale, row)])
    table = markdown_table((head, lines))
    if not scale.judged:
        return table
    met = sum(row.verdict.startswith("met") for row in compared)
    return f"{table}\n\n**{met} of {len(compared)} figures of the paper are met.**"


def details(scale: Scale, found: Sequence[Row]) -> str:
    """All rows of one experiment."""
    head = ["figure", "the paper", "diffsim", "ratio", "met?", "runs", "note"]
    lines = [[row.what, *_figures(scale, row), str(len(row.values)), row.note] for row in found]
    return markdown_table((head, lines))


def page(text: str, folder: Path) -> str:
    """The report as one HTML file, with its pictures in it."""
    body = MarkdownIt("commonmark").enable("table").render(text)

    def inlined(match: re.Match[str]) -> str:
        data = base64.b64encode((folder / html.unescape(match[1])).read_bytes()).decode()
        return f'src="data:image/png;base64,{data}"'

    body = re.sub(r'src="([^"]+\.png)"', inlined, body)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>The paper's experiments, reproduced</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n{body}</body>\n</html>\n"
    )


def publish(name: str, folder: Path, root: Path) -> None:
    """Make the report of a scale the one of the documentation, and its summary that of the README.

    Args:
        name: of the scale.
        folder: of all scales.
        root: of the project.
    """
    place, target = folder / name, root / "docs" / "images" / "results"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(place / PICTURES, target)
    text = (place / "REPORT.md").read_text().replace(f"]({PICTURES}/", "](images/results/")
    (root / "docs" / "results.md").write_text(text)
    readme = root / "README.md"
    readme.write_text(with_summary(readme.read_text(), text))


def with_summary(readme: str, report: str) -> str:
    """The README with a report's summary between its two marks."""
    begin, end = SUMMARY
    head, rest = readme.split(begin, 1)
    return f"{head}{begin}\n\n{summary_of(report)}\n\n{end}{rest.split(end, 1)[1]}"


def summary_of(report: str) -> str:
    """Origin of a report, and its table."""
    origin = next(line for line in report.splitlines() if line.startswith("Made on "))
    table = report.split("## Summary\n\n")[1].split(f"\n\n{EXPLAINED[:20]}")[0]
    return f"{table}\n\n{origin}"


def _figures(scale: Scale, row: Row) -> list[str]:
    """The paper's, ours, how many times better, and whether that is enough."""
    unit = f" {row.unit}" if row.unit else ""
    paper = "–" if row.paper is None else f"{number(row.paper, DIGITS)}{unit}"
    ours = spread(row)
    if ours[-1:].isdigit() or ours.endswith(")"):
        ours += unit
    if not scale.judged:
        return [paper, ours, "", "not judged"]
    ratio = "" if math.isnan(row.ratio) else f"{number(row.ratio, DIGITS)} ×"
    return [paper, ours, ratio, row.verdict]


def _commands(experiment: int, jobs: Sequence[Job]) -> str:
    """Every command of an experiment, one for all seeds."""
    seeds: dict[str, int] = {}
    for job in jobs:
        if job.name.startswith(PARTS[experiment]) and "robot.bodies.ball" not in job.command:
            command = re.sub(r"run=\S+", "run='<run>'", job.command)
            command = re.sub(r"seed=\d+", "seed={}", command)
            seeds[command] = seeds.get(command, 0) + 1
    lines = [
        command.replace("diffsim-run", "diffsim-run -m").format(f"'range({count})'")
        if count > 1 and "{}" in command
        else command.format(0)
        for command, count in seeds.items()
    ]
    return "\n".join(["```sh", *lines, "```"])


def _short(command: str) -> str:
    """A command without the folder that all runs are in."""
    return re.sub(r"run='?[^ ]*/", "run=…/", command)


def _is_done(job: Job) -> bool:
    return (job.folder / "job.json").exists()


def _manifest(job: Job) -> dict[str, Any] | None:
    run = RunFolder(job.folder)
    return run.manifest() if run.has_begun else None


def _origin(manifests: Mapping[str, dict[str, Any]], jobs: Sequence[Job]) -> str:
    if not manifests:
        return ""
    made = sorted(manifest["created"][:10] for manifest in manifests.values())
    commits = sorted({_commit(manifest) for manifest in manifests.values()})
    one = next(iter(manifests.values()))
    kinds = sorted({manifest["device"]["kind"] for manifest in manifests.values()})
    versions = ", ".join(f"{key} {one['versions'][key]}" for key in ("jax", "optax", "cma"))
    seconds = sum(read_json(job.folder / "job.json")["seconds"] for job in jobs if _is_done(job))
    days = made[0] if made[0] == made[-1] else f"{made[0]} to {made[-1]}"
    return (
        f"Made on {days}, commit {', '.join(commits)}, {one['machine']['processor']}, "
        f"{_cores(manifests)} cores, {', '.join(kinds)}, {versions}, Python {one['python']}; "
        f"{seconds / 3600.0:.1f} hours of jobs in all."
    )


def _cores(manifests: Mapping[str, dict[str, Any]]) -> int:
    return max(int(manifest["machine"]["cores"]) for manifest in manifests.values())


def _commit(manifest: Mapping[str, Any]) -> str:
    git = manifest["git"]
    return f"{git['commit'][:7]}{' (changed)' if git['dirty'] else ''}" if git else "unknown"


def _missing(missing: Sequence[Job], failed: Mapping[str, str]) -> str:
    if not missing:
        return ""
    lines = [f"- {job.name}: failed: {failed[job.name]}" for job in missing if job.name in failed]
    others = [job.name for job in missing if job.name not in failed]
    if others:
        lines.append(f"- not run to their end: {', '.join(others)}")
    head = f"**{len(missing)} jobs are not done**, and what follows is without them:"
    return "\n".join([head, "", *lines])


def _every_run(jobs: Sequence[Job], manifests: Mapping[str, dict[str, Any]]) -> str:
    head = ["folder", "command", "commit", "seconds"]
    lines = []
    for job in sorted(jobs, key=lambda job: str(job.folder)):
        if not _is_done(job):
            continue
        commit = _commit(manifests[job.name]) if job.name in manifests else ""
        seconds = read_json(job.folder / "job.json")["seconds"]
        lines.append([job.name, f"`{_short(job.command)}`", commit, f"{seconds:,.0f}"])
    return markdown_table((head, lines))
