"""Who is compared: picks of a front and well-known networks, each with several seeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from coernas_moo.config import ProblemFile
from coernas_moo.search.run import Run
from coernas_moo.training.data import TrainingData
from coernas_moo.training.session import spec_of_baseline, spec_of_pick
from coernas_moo.training.spec import ModelSpec


@dataclass(frozen=True)
class Contestant:
    """A network that is trained once with every seed.

    Args:
        name: pick or well-known network.
        specs: one a seed.
        aliases: other picks that are the same network.
    """

    name: str
    specs: tuple[ModelSpec, ...]
    aliases: tuple[str, ...] = ()

    @property
    def searched(self) -> bool:
        """Whether a search found it."""
        return self.specs[0].genotype is not None

    @property
    def label(self) -> str:
        """All names by which it was asked for."""
        return ", ".join((self.name, *self.aliases))


def contestants(
    run: Run,
    picks: Sequence[str],
    models: Iterable[str],
    seeds: Sequence[int],
    data: TrainingData,
    problem: ProblemFile,
) -> list[Contestant]:
    """Picks, then well-known networks; picks that are the same network are one contestant.

    Args:
        run: whose front the picks come from.
        picks: as in `Run.pick`.
        models: names of `BASELINES`, or `timm:NAME`.
        seeds: of the trainings.
        data: what all are trained on.
        problem: whose recipe all are trained with.

    Raises:
        RunError: the front has no such member.
    """
    found: dict[str, Contestant] = {}
    for pick in dict.fromkeys(picks):
        specs = tuple(
            spec_of_pick(run, pick, data, name=_folder(pick, seed), seed=seed, problem=problem) for seed in seeds
        )
        key = specs[0].network_text
        known = found.get(key)
        found[key] = (
            Contestant(pick, specs) if known is None else Contestant(known.name, known.specs, (*known.aliases, pick))
        )
    for model in dict.fromkeys(models):
        specs = tuple(
            spec_of_baseline(model, data, name=_folder(model, seed), seed=seed, problem=problem) for seed in seeds
        )
        found[model] = Contestant(model, specs)
    return list(found.values())


def _folder(name: str, seed: int) -> str:
    return f"{name.replace(':', '-').replace('/', '-')}-seed{seed}"
