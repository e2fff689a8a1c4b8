"""What an exported file says about itself: architecture, classes, and how images become its input.

Needs no torch: programs that only run exported files read it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

import msgspec

from coernas_moo.errors import ExportError
from coernas_moo.networks.shape import Shape

FORMAT = "coernas-model-1"
"""Name and version; the version changes when a key changes its meaning or goes."""

PREPROCESSING = (
    "the whole image, EXIF orientation applied, stretched to height x width with an antialiased bilinear filter; "
    "one channel is ITU-R 601 luma; transparent pixels fade to black; values from 0 to 1; then (x - mean) / std"
)

Positive = Annotated[int, msgspec.Meta(ge=1)]


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """The description of a model.

    Args:
        name: of the problem it was found for.
        genotype: canonical, as text.
        classes: names, in the order of the outputs.
        channels, height, width: of one image, as the network takes it.
        mean, std: per channel, of pixels in [0, 1].
        trained: whether the weights are; else they are random.
        params: trainable parameters.
        macs: multiply-accumulate operations for one image; None where not known.
        written_by: program and version.
        preprocessing: how an image file becomes an input, for people to read.
        format: `coernas-model-1`.
    """

    name: str
    genotype: str
    classes: tuple[str, ...]
    channels: Positive
    height: Positive
    width: Positive
    mean: tuple[float, ...]
    std: tuple[float, ...]
    trained: bool
    params: int
    macs: int | None
    written_by: str
    preprocessing: str = PREPROCESSING
    format: str = FORMAT

    @property
    def shape(self) -> Shape:
        """Shape of one image."""
        return Shape(self.channels, self.height, self.width)

    def to_metadata(self) -> dict[str, str]:
        """Keys and texts, as the metadata of an ONNX file: texts as they are, everything else as JSON."""
        return {
            name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
            for name, value in msgspec.structs.asdict(self).items()
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], where: str) -> Self:
        """The inverse of `to_metadata`; unknown keys are left alone.

        Args:
            metadata: keys and texts.
            where: what error messages call the file.

        Raises:
            ExportError: it is not the description of a model, or one of another version.

        Example:
            >>> Description.from_metadata({}, "other.onnx")
            Traceback (most recent call last):
            ...
            coernas_moo.errors.ExportError: other.onnx: does not say which classes and which images it is for; \
only files that 'coernas export' wrote can be used
        """
        if "format" not in metadata:
            raise ExportError(
                f"{where}: does not say which classes and which images it is for; "
                f"only files that 'coernas export' wrote can be used"
            )
        if metadata["format"] != FORMAT:
            raise ExportError(
                f"{where}: has format {metadata['format']!r}, this version reads {FORMAT!r}; export it again"
            )
        texts = {field.name for field in msgspec.structs.fields(cls) if field.type is str}
        try:
            values = {
                name: value if name in texts else msgspec.json.decode(value)
                for name, value in metadata.items()
                if name in cls.__struct_fields__
            }
            description = msgspec.convert(values, cls)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise ExportError(f"{where}: its description cannot be read: {error}; export it again") from None
        if len(description.mean) != description.channels or len(description.std) != description.channels:
            raise ExportError(
                f"{where}: its description cannot be read: mean and std are not one a channel; export it again"
            )
        if min(description.std) <= 0 or len(description.classes) < 2:
            raise ExportError(
                f"{where}: its description cannot be read: a std of 0, or fewer than two classes; export it again"
            )
        return description
