"""How a network is trained: the `[train]` table of a problem file."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec

from coernas_moo.errors import ProblemFileError
from coernas_moo.seeds import LARGEST_SEED

Positive = Annotated[int, msgspec.Meta(ge=1)]
Share = Annotated[float, msgspec.Meta(ge=0, lt=1)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
AugmentName = Literal["none", "digits", "photo", "surface"]


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a network is trained, and on which part of the images.

    Args:
        epochs: passes over the training part.
        batch: images a step; the last ones of an epoch are spread over all its steps.
        optimiser: AdamW or SGD with Nesterov momentum; no weight decay on biases and norms.
        learning_rate: the highest.
        weight_decay: decoupled in AdamW, coupled in SGD.
        momentum: of SGD.
        schedule: `one-cycle` rises by a cosine and falls by a cosine to nearly nothing, `cosine` rises linearly and
            falls by a cosine, `constant` stays after the rise.
        warmup: share of all steps in which the learning rate rises.
        clip: largest norm of the gradient; 0 does not clip.
        label_smoothing: of the cross-entropy.
        class_weights: `balanced` weighs a class by the inverse of its frequency, `sqrt` by the root of that.
        mixup: alpha of the beta distribution images are mixed by; 0 mixes none.
        ema: decay a step of the moving average of the weights, which is what is judged and kept; 0 averages none.
        select: what the kept weights are best at on the validation part; `last` keeps those of the last epoch.
        patience: epochs without a better validation result after which training stops; 0 never stops early.
        augment: how training images are varied; the keys below override single parts of it. `photo`: things seen
            upright; `surface`: no direction is special; `digits`: nothing is mirrored. A problem file that says nothing
            gets what suits its kind of data; None is `photo`.
        flip_horizontal, flip_vertical: mirror half of the images; false where mirroring changes the class.
        shift: largest shift, as a share of the side; what enters is mirrored.
        rotate: largest rotation, in degrees.
        scale: largest change of size, as a share.
        warp: share of the images that are rotated and scaled at all; resampling blurs, and test images are not blurred.
        brightness, contrast: largest change, as a share.
        erase: probability that a rectangle of up to a quarter of the image is blanked.
        validation_share, test_share: of the images, where the data has no such split of its own.
        split_seed: of the random split, the same for every network that is compared.
        group_by: regular expression searched in an image's name (within the folder of its class); images whose first
            group (or whole match) agrees stay on one side of the split. Empty: every image by itself.
    """

    epochs: Positive = 60
    batch: Annotated[int, msgspec.Meta(ge=2)] = 64
    optimiser: Literal["adamw", "sgd"] = "adamw"
    learning_rate: Annotated[float, msgspec.Meta(gt=0)] = 4e-3
    weight_decay: NotNegative = 0.05
    momentum: Share = 0.9
    schedule: Literal["one-cycle", "cosine", "constant"] = "one-cycle"
    warmup: Share = 0.25
    clip: NotNegative = 0.0
    label_smoothing: Share = 0.1
    class_weights: Literal["none", "sqrt", "balanced"] = "none"
    mixup: NotNegative = 0.0
    ema: Share = 0.99
    select: Literal["accuracy", "f1", "kappa", "loss", "last"] = "accuracy"
    patience: Annotated[int, msgspec.Meta(ge=0)] = 0
    augment: AugmentName | None = None
    flip_horizontal: bool | None = None
    flip_vertical: bool | None = None
    shift: Annotated[float, msgspec.Meta(ge=0, le=0.5)] | None = None
    rotate: Annotated[float, msgspec.Meta(ge=0, le=180)] | None = None
    scale: Share | None = None
    warp: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    brightness: Share | None = None
    contrast: Share | None = None
    erase: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    validation_share: Annotated[float, msgspec.Meta(ge=0, le=0.5)] = 0.1
    test_share: Annotated[float, msgspec.Meta(gt=0, le=0.8)] = 0.2
    split_seed: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_SEED)] = 0
    group_by: str = ""

    def check(self) -> None:
        """Look for values that cannot go together.

        Raises:
            ProblemFileError: names the key.

        Example:
            >>> Recipe(group_by="(").check()
            Traceback (most recent call last):
            ...
            coernas_moo.errors.ProblemFileError: train.group_by: '(' is no regular expression: missing ), \
unterminated subpattern at position 0
        """
        try:
            re.compile(self.group_by)
        except re.error as error:
            raise ProblemFileError(f"train.group_by: {self.group_by!r} is no regular expression: {error}") from None
        if self.validation_share + self.test_share > 0.9:
            raise ProblemFileError(
                f"train: validation_share {self.validation_share:g} and test_share {self.test_share:g} leave too "
                "little to train on; together at most 0.9"
            )
