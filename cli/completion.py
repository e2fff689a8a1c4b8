"""`coernas completion`: the script that teaches a shell to complete commands, options, problems and runs."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command()
@click.argument("shell", type=click.Choice(list(SHELLS)))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script of SHELL.

    \b
    Example:
      eval "$(coernas completion bash)"                                        now
      coernas completion bash >> ~/.bashrc                                     always
      coernas completion fish > ~/.config/fish/completions/coernas.fish        always
    """
    click.echo(SHELLS[shell](ctx.find_root().command, {}, "coernas", "_COERNAS_COMPLETE").source())
