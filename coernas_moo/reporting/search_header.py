"""What a search is about, said before it starts: data, space, objectives, limits, budget."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from coernas_moo.config import ProblemFile, SearchSettings
from coernas_moo.datasets import DatasetInfo
from coernas_moo.evaluation.evaluator import available_cores
from coernas_moo.objectives import OBJECTIVES
from coernas_moo.reporting import format as fmt
from coernas_moo.reporting.space_text import space_text
from coernas_moo.search.presets import effective_preset
from coernas_moo.spaces import SearchSpace


def search_facts(problem: ProblemFile, space: SearchSpace, info: DatasetInfo, directory: Path) -> dict[str, str]:
    """Label to text, in the order in which they are shown."""
    about = f": {problem.description}" if problem.description else ""
    limits = problem.parsed_limits
    return {
        "search": problem.name + about,
        "data": f"{info.source}: {data_text(info)}",
        "space": f"{problem.space['kind']}: {space_text(space)}",
        "objectives": ", ".join(f"{name} ({OBJECTIVES[name].direction})" for name in problem.objectives),
        "limits": ", ".join(map(str, limits)) or "none",
        "budget": ", ".join(_budget(problem.search)),
        "workers": f"{problem.evaluation.workers or available_cores()}, seed {problem.search.seed}",
        "run": str(directory),
    }


def data_text(info: DatasetInfo) -> str:
    """Number and shape of the images, number of classes, smallest and largest class of each split.

    Example:
        >>> from coernas_moo.networks.layers import Shape
        >>> data_text(DatasetInfo("folder", "x", Shape(1, 8, 8), ("p", "q"), {"train": (30, 1200)}))
        '1,230 images 1x8x8, 2 classes of 30 to 1,200'
        >>> data_text(DatasetInfo("noise", "x", Shape(1, 8, 8), ("0", "1")))
        'images 1x8x8, 2 classes'
    """
    classes = f"{info.shape}, {len(info.classes):,} classes"
    if not info.counts:
        return f"images {classes}"
    sizes = [_range(counts) for counts in info.counts.values()]
    splits = " of " + sizes[0]
    if len(sizes) > 1:
        splits = "; " + ", ".join(
            f"{name} {sum(counts):,} ({size} a class)"
            for (name, counts), size in zip(info.counts.items(), sizes, strict=True)
        )
    return f"{info.images:,} images {classes}{splits}"


def _budget(settings: SearchSettings) -> Iterator[str]:
    preset = effective_preset(settings)
    other = settings.evaluations is not None or settings.seconds is not None
    if settings.generations is not None or not other:
        yield f"{preset.generations} generation{'s' * (preset.generations > 1)} of {preset.population}"
    else:
        yield f"generations of {preset.population}"
    if settings.evaluations is not None:
        yield f"at most {settings.evaluations:,} evaluations"
    if settings.seconds is not None:
        yield f"at most {fmt.duration(settings.seconds)}"


def _range(counts: tuple[int, ...]) -> str:
    return f"{min(counts):,}" if min(counts) == max(counts) else f"{min(counts):,} to {max(counts):,}"
