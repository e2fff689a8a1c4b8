"""What a problem file says about a search space, and the registry of spaces."""

from __future__ import annotations

from abc import abstractmethod

import msgspec

from coernas_moo.networks.layers import Shape
from coernas_moo.registry import Registry
from coernas_moo.spaces.space import SearchSpace


class SpaceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[space]` table of a problem file without its `kind`; a space subclasses it and registers the subclass."""

    def check(self) -> None:
        """Look for values that make no space whatever the images: called when a problem file is read.

        Raises:
            ProblemFileError: names the key.
        """

    @abstractmethod
    def build(self, input_shape: Shape, classes: int) -> SearchSpace:
        """The search space for images of `input_shape` and `classes` classes.

        Raises:
            ProblemFileError: the settings make no space for such images.
        """


SPACES: Registry[type[SpaceSettings]] = Registry("search space", group="coernas_moo.spaces")
"""Spaces by the `kind` that a problem file names."""
