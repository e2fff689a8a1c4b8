"""On which divisions of the images the networks of a pipeline table are compared, in words."""

from __future__ import annotations

from collections.abc import Sequence

from coernas_moo.benchmarks.pipeline.make import PipelineTable


def divisions_text(table: PipelineTable) -> str:
    """One sentence: how many divisions, how they were drawn, and what was drawn for each training."""
    recipe, count = table.problem.train, len(table.repetitions)
    seeds = [one.problem.train.split_seed for one in table.repetitions]
    drawn = f"`split_seed` {seeds[0]}" if count == 1 else f"`split_seed` {seeds[0]} to {seeds[-1]}"
    kept = f"the division of `split_seed` {recipe.split_seed} itself is left for choosing recipes"
    how = "random, stratified"
    if recipe.group_by:
        how = f"random, by group (images whose names agree in `{recipe.group_by}` stay on one side)"
    if count == 1:
        return f"""One division, the same for all networks, each trained once on it: the data's own where it has one,
            else {how} ({drawn}; {kept})."""
    if len({one.data.fingerprint() for one in table.repetitions}) == 1:
        return f"""The division is the data's own, the same for all trainings; each network is trained {count} times on
            it."""
    if len({one.data.test.names for one in table.repetitions}) == 1:
        return f"""The test part is the data's own, the same for all trainings; the rest is divided {count} times, each
            network trained once on each division: {how} ({drawn}); {kept}."""
    return f"""{count} divisions, the same for all networks, each network trained once on each: {how} ({drawn});
        {kept}."""


def span(values: Sequence[int]) -> str:
    """Lowest and highest, or the one that all are.

    Example:
        >>> span([1, 3, 2]), span([1200, 1200])
        ('1 to 3', '1,200')
    """
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
