"""The model behind a pick of a run, or behind a directory that training left."""

from __future__ import annotations

from pathlib import Path

from coernas_moo._version import __version__
from coernas_moo.errors import CoernasError
from coernas_moo.export.description import Description
from coernas_moo.export.model import Model
from coernas_moo.networks.layers import Shape
from coernas_moo.search.run import Run
from coernas_moo.training import LoadedModel, load_model, read_spec

MODELS = "models"
"""The folder in a run's directory that holds its trained models, a directory each."""


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
        directory = trained_directory(run, member.text)
        if directory is not None:
            return trained_model(directory)
    plan = run.plan(member)
    shape = Shape(*run.state.shape)
    description = Description(
        name=run.problem.name,
        genotype=member.text,
        classes=run.state.classes,
        channels=shape.channels,
        height=shape.height,
        width=shape.width,
        mean=(0.0,) * shape.channels,
        std=(1.0,) * shape.channels,
        trained=False,
        params=plan.params(),
        macs=plan.macs(),
        written_by=f"coernas-moo {__version__}",
    )
    return Model(plan, run.network(pick).eval(), description)
