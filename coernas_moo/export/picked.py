"""The model behind a pick of a run, or in a directory that training left."""

from __future__ import annotations

from pathlib import Path

from coernas_moo._version import __version__
from coernas_moo.errors import ModelError
from coernas_moo.export.description import Description
from coernas_moo.export.model import Model
from coernas_moo.networks.shape import Shape
from coernas_moo.search.run import Run
from coernas_moo.search.run_directory import MODELS
from coernas_moo.training import load_model, read_spec
from coernas_moo.training.assess import counted_macs
from coernas_moo.training.spec import BEST, METRICS, MODEL_FILE


def model_of(run: Run, pick: str = "knee", *, trained: bool = True) -> Model:
    """The network that a pick names, with the weights that training left for it in the run's directory, if any.

    Without them, and with `trained=False`, the network is initialised as a search scores it (seed 0), and images are
    taken as they are, mean 0 and standard deviation 1.

    Raises:
        RunError: there is no such pick.
        ModelError: a trained model of it is there but cannot be read.
    """
    member = run.pick(pick)
    if trained:
        directory = trained_directory(run, pick, member.text)
        if directory is not None:
            return trained_model(directory)
    plan = run.plan(member)
    channels, height, width = run.state.shape
    description = Description(
        name=run.problem.name,
        genotype=member.text,
        classes=run.state.classes,
        channels=channels,
        height=height,
        width=width,
        mean=(0.0,) * channels,
        std=(1.0,) * channels,
        trained=False,
        params=plan.params(),
        macs=plan.macs(),
        written_by=f"coernas-moo {__version__}",
    )
    return Model(plan, run.network(pick).eval(), description)


def trained_model(directory: Path) -> Model:
    """The model that training left in a directory.

    Raises:
        ModelError: none is there, or it cannot be read.
    """
    loaded = load_model(directory)
    spec, plan = loaded.spec, loaded.plan
    shape = Shape(spec.channels, spec.height, spec.width)
    description = Description(
        name=spec.problem,
        genotype=spec.network_text,
        classes=spec.classes,
        channels=spec.channels,
        height=spec.height,
        width=spec.width,
        mean=spec.mean,
        std=spec.std,
        trained=True,
        params=sum(weight.numel() for weight in loaded.module.parameters()),
        macs=plan.macs() if plan is not None else counted_macs(loaded.module, shape),
        written_by=f"coernas-moo {__version__}",
    )
    return Model(plan, loaded.module, description, directory, (directory / METRICS).is_file())


def is_model_directory(path: Path) -> bool:
    """Whether training left a model there."""
    return (path / MODEL_FILE).is_file()


def trained_directory(run: Run, pick: str, genotype: str) -> Path | None:
    """Where a run keeps the trained model of a genotype; of several the one called `pick`, else the first by name.

    One whose training has not left weights yet does not count.

    Raises:
        ModelError: the one called `pick` has weights, but nothing that says of what.
    """
    folder = run.directory.path / MODELS
    found = sorted(path.parent for path in folder.glob(f"*/{BEST}") if is_model_directory(path.parent))
    if folder / pick in found:
        read_spec(folder / pick)
    matching = [directory for directory in found if _genotype(directory) == genotype]
    return next((directory for directory in matching if directory.name == pick), next(iter(matching), None))


def _genotype(directory: Path) -> str | None:
    try:
        return read_spec(directory).genotype
    except ModelError:
        # Another model's directory that is broken is no reason not to export this one.
        return None
