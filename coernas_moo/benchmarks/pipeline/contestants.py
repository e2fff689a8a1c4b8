"""Who is compared: picks of a front and well-known networks, each trained once a repetition."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from coernas_moo.benchmarks.pipeline.repetitions import Repetition
from coernas_moo.search.run import Run
from coernas_moo.training.session import spec_of_baseline, spec_of_pick
from coernas_moo.training.spec import ModelSpec


@dataclass(frozen=True)
class Contestant:
    """A network that is trained once in every repetition.

    Args:
        name: pick or well-known network.
        specs: one a repetition.
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
    repetitions: Sequence[Repetition],
) -> list[Contestant]:
    """Picks, then well-known networks; picks that are the same network are one contestant.

    Args:
        run: whose front the picks come from.
        picks: as in `Run.pick`.
        models: names of `BASELINES`, or `timm:NAME`.
        repetitions: seeds, recipes and images that all are trained with.

    Raises:
        RunError: the front has no such member.
    """
    found: dict[str, Contestant] = {}
    for pick in dict.fromkeys(picks):
        specs = tuple(
            spec_of_pick(run, pick, one.data, name=_folder(pick, one.seed), seed=one.seed, problem=one.problem)
            for one in repetitions
        )
        key = specs[0].network_text
        known = found.get(key)
        found[key] = (
            Contestant(pick, specs) if known is None else Contestant(known.name, known.specs, (*known.aliases, pick))
        )
    for model in dict.fromkeys(models):
        specs = tuple(
            spec_of_baseline(model, one.data, name=_folder(model, one.seed), seed=one.seed, problem=one.problem)
            for one in repetitions
        )
        found[model] = Contestant(model, specs)
    return list(found.values())


def _folder(name: str, seed: int) -> str:
    return f"{name.replace(':', '-').replace('/', '-')}-seed{seed}"
