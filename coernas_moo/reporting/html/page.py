"""The page: templates, style and scripts put together with the entries, and written as one file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from coernas_moo._version import __version__
from coernas_moo.errors import CoernasError
from coernas_moo.files import write_atomically

if TYPE_CHECKING:
    from coernas_moo.reporting.html.comparison_entry import ComparisonEntry
    from coernas_moo.reporting.html.run_entry import RunEntry

    Entry: TypeAlias = RunEntry | ComparisonEntry

SCRIPTS = (
    "format",
    "theme",
    "plot",
    "drawing",
    "panel",
    "front",
    "run_plots",
    "overview_plots",
    "comparison_plots",
    "main",
)
"""Files in `static/`, in the order in which they stand in the page."""


def write_report(entries: Sequence[Entry], path: Path) -> Path:
    """Write the report of runs and comparisons.

    Args:
        entries: at least one, each with an `id` of its own.
        path: of the HTML file.

    Raises:
        CoernasError: the packages of the extra `report` are missing.
        RunError: the file cannot be written.
    """
    write_atomically(path, report_page(entries))
    return path


def report_page(entries: Sequence[Entry]) -> str:
    """The page as text. Nothing in it asks the network for anything, and its content security policy forbids it to."""
    require_packages()
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    environment = Environment(
        loader=PackageLoader("coernas_moo.reporting.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    scripts = [script_text(get_plotlyjs()), script_text("\n".join(_static(f"{name}.js") for name in SCRIPTS))]
    return environment.get_template("page.html").render(
        entries=entries,
        title=" and ".join(entry.title for entry in entries[:2]) + (" and others" if len(entries) > 2 else ""),
        version=__version__,
        style=Markup(_static("report.css")),
        policy=_policy(scripts),
        scripts=[Markup(script) for script in scripts],
        data=Markup(json_in_html([entry.data for entry in entries])),
    )


def require_packages() -> None:
    """Check that the packages of the extra `report` are there; raises `CoernasError`."""
    try:
        import jinja2  # noqa: F401
        import plotly  # noqa: F401
    except ImportError as error:
        raise CoernasError(
            f"the report needs the package {error.name!r}, which is not installed: pip install 'coernas-moo[report]'"
        ) from None


def json_in_html(value: object) -> str:
    """JSON that may stand in a script element, whatever strings it holds.

    Example:
        >>> json_in_html(["</script>"])
        '["\\\\u003c/script\\\\u003e"]'
    """
    text = msgspec.json.encode(value).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def script_text(source: str) -> str:
    """A script as a browser reads it from a page, so that its hash is the browser's.

    Raises:
        CoernasError: it holds what would end the script element.
    """
    text = source.replace("\r\n", "\n").replace("\r", "\n")
    for mark in ("</script", "<!--"):
        if mark in text.lower():
            raise CoernasError(f"a script of the report holds {mark!r} and cannot stand in a page; use another plotly")
    return text


def _policy(scripts: Sequence[str]) -> str:
    """Only these scripts run, and nothing is fetched; pictures the page makes itself can be saved."""
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _static(name: str) -> str:
    return resources.files("coernas_moo.reporting.html").joinpath("static", name).read_text(encoding="utf-8")
