"""The command `coernas`: subcommands are imported when they are called, so that `--help` answers at once."""

from __future__ import annotations

import importlib
import io
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from coernas_moo._version import __version__

from .errors import errors_in_one_line

COMMANDS: Mapping[str, str] = {
    "search": "Search a problem, or a folder of images, for a Pareto front of networks.",
    "show": "Print the front of a run, or draw one network of it.",
    "front": "Export the front of a run: csv, json, markdown, latex, png, svg.",
    "report": "Write runs or comparisons as one interactive HTML page.",
    "train": "Train networks of a run, or well-known ones, and judge them on a test split.",
    "refine": "Train the leaders of a run a little, and the best of them to the end.",
    "export": "Export a network of a run: ONNX, torch.export, readable Python.",
    "predict": "Classify images with an exported ONNX file.",
    "runs": "List the runs.",
    "problems": "List the problems that come with the package, or print one.",
    "proxies": "List the training-free proxies.",
    "score": "Score one network without training it.",
    "new": "Write a commented problem file for your own images.",
    "correlate": "Correlate proxies with trained accuracies on NAS-Bench-201.",
    "compare": "Compare search algorithms on one problem, with equal budgets and statistics.",
    "summary": "Put comparisons on several problems side by side.",
    "nb201": "Make or describe the NAS-Bench-201 table.",
    "latency": "Check estimated latency against measured latency.",
    "bench": "Measure what candidates, workers and searches cost on this machine.",
    "schema": "Print the JSON Schema of problem files, fronts, comparisons or refinements.",
    "doctor": "Show versions, devices and what might be wrong on this machine.",
    "completion": "Print the completion script of a shell.",
}
"""Every command with its line in `coernas --help`; the module of that name beside this one holds it as `command`."""


class Commands(click.Group):
    """A group whose commands are modules beside this one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, in the order in which a user meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f".{cmd_name}", __package__).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands in the help, written without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; errors a user can act on become one line and exit code 2."""
        with errors_in_one_line(ctx):
            return super().invoke(ctx)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", prog_name="coernas", message="%(prog)s %(version)s")
def cli() -> None:
    """Search for small image classifiers: a problem in, a Pareto front of networks out, no candidate trained.

    \b
    Begin with:
      coernas search digits            a small search on images that come with it
      coernas search path/to/images    your own images, one folder a class
      coernas problems                 what else is there
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the console script; never returns.

    Args:
        arguments: by default those of the process.
    """
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal cannot show, or that is no text, is no reason to end.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    cli.main(args=None if arguments is None else list(arguments), prog_name="coernas")


if __name__ == "__main__":
    main()
