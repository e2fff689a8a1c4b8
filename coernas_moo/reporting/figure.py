"""What all pictures share: fonts, colours that colour-blind people tell apart, how a figure becomes a file.

Importing this module imports matplotlib; users of pictures import them where they draw.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from coernas_moo.files import write_atomically

PictureFormat = Literal["png", "svg"]

INK, FAINT, RULE = "#222222", "#6b7280", "#d9dce1"
# Okabe & Ito 2008, "Color universal design"
BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#aa4499", "#56b4e9"
BROWN = "#8c564b"

_DPI = 160
_LONGEST_SIDE = 30_000
_STYLE: dict[str, object] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "text.parse_math": False,
    "svg.hashsalt": "coernas",
}


@contextmanager
def style() -> Iterator[None]:
    """The look of every picture, for the time of drawing; settings of the user's own are put back."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(mpl.RcParams(_STYLE))
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure with a canvas of its own, sizes in inches; nothing global is touched."""
    figure = Figure(figsize=(width, height), dpi=min(_DPI, _LONGEST_SIDE / max(width, height)), facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def as_bytes(figure: Figure, kind: PictureFormat) -> bytes:
    """The figure as a file's content, the same for the same figure."""
    buffer = io.BytesIO()
    with style():
        figure.savefig(buffer, format=kind, metadata={"Date": None} if kind == "svg" else {"Software": None})
    return buffer.getvalue()


def save(figure: Figure, path: Path) -> None:
    """Write the figure, as SVG where the name ends in `.svg`, otherwise as PNG.

    Raises:
        RunError: the file cannot be written.
    """
    write_atomically(path, as_bytes(figure, "svg" if path.suffix.lower() == ".svg" else "png"))
