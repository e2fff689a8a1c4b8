"""`coernas new`: a commented problem file from a folder of images."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from coernas_moo.errors import ProblemFileError


@click.command()
@click.argument("images", type=click.Path(path_type=Path))
@click.option("--images", "folder", default="", metavar="PATH", help="Of a table whose images are not beside it.")
@click.option("--out", type=click.Path(path_type=Path), help="File to write; by default named like the folder.")
def command(images: Path, folder: str, out: Path | None) -> None:
    """Write a commented problem file for IMAGES: a folder with one subfolder a class, or a table (.csv).

    \b
    Example:
      coernas new photos/steel --out steel.toml
      coernas search steel.toml
    """
    from coernas_moo.starter import problem_name, starter_toml

    file = out or Path(f"{problem_name(images.expanduser().absolute())}.toml")
    if file.exists():
        raise ProblemFileError(f"{file} exists already and is left alone; give another --out")
    text = starter_toml(images, file.parent, folder and str(Path(folder).expanduser().absolute()))
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise ProblemFileError(f"{file} cannot be written: {error.strerror}; give another --out") from None
    click.echo(f"{file} written; edit it, then: coernas search {shlex.quote(str(file))}")
