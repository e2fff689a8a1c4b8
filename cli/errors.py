"""How the command line ends when something is wrong: one line on stderr, and an exit code that says which kind."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import click

from coernas_moo.errors import CoernasError

USER_ERROR = 2
INTERRUPTED = 130


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with a line that says how to go on."""


@contextmanager
def errors_in_one_line(ctx: click.Context) -> Iterator[None]:
    """`CoernasError` and what click refuses end with code 2, Ctrl-C with 130, each with one line; anything
    else is a bug and passes through.

    Warnings raised meanwhile are lines on stderr too.
    """
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            yield
            sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError:
        raise
    except click.UsageError as error:
        where = (error.ctx or ctx).command_path
        said = one_line(error.format_message()).removesuffix(".")
        click.echo(f"coernas: {said}; see: {where} --help", err=True)
        ctx.exit(USER_ERROR)
    except OSError as error:
        if error.filename is not None or error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        _drop_what_is_not_printed()
        click.echo(f"coernas: what is printed cannot be written: {error.strerror}; print it elsewhere", err=True)
        ctx.exit(USER_ERROR)
    except CoernasError as error:
        click.echo(f"coernas: {one_line(str(error))}", err=True)
        ctx.exit(USER_ERROR)
    except KeyboardInterrupt as interruption:
        what = str(interruption) if isinstance(interruption, Interrupted) else "interrupted"
        click.echo(f"coernas: {one_line(what)}", err=True)
        ctx.exit(INTERRUPTED)


def _drop_what_is_not_printed() -> None:
    """Else Python would try again at its end, and complain."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def warn(message: str) -> None:
    """Print a warning as one line on stderr."""
    click.echo(f"coernas: warning: {one_line(message)}", err=True)


def one_line(text: str) -> str:
    """The text without line breaks.

    Example:
        >>> one_line("bad\\n   value")
        'bad value'
    """
    return " ".join(text.split())


def _show_warning(message: Warning | str, *_where: object, **_how: object) -> None:
    warn(str(message))
