"""`coernas proxies`: the registry of training-free proxies."""

from __future__ import annotations

import click

from coernas_moo.errors import CoernasError

from .output import print_json, print_table, table_of


@click.command()
@click.argument("pattern", default="*", metavar="[GLOB]")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def command(pattern: str, as_json: bool) -> None:
    """List the training-free proxies whose names match GLOB (default: all).

    \b
    Example:
      coernas proxies 'r*'
    """
    from coernas_moo.proxies import DIMENSIONS, PROXIES

    names = sorted(PROXIES.names(pattern), key=lambda name: name not in DIMENSIONS)
    chosen = [PROXIES[name] for name in names]
    if not chosen:
        raise CoernasError(f"no proxy matches {pattern!r}; there are {', '.join(PROXIES)}")
    if as_json:
        print_json(
            [
                {
                    "name": proxy.name,
                    "needs": sorted(proxy.needs),
                    "direction": proxy.direction,
                    "stochastic": proxy.stochastic,
                    "cost": proxy.cost,
                    "source": proxy.source,
                    "description": proxy.description,
                }
                for proxy in chosen
            ]
        )
        return
    table = table_of("proxy", "what it measures")
    for proxy in chosen:
        traits = [
            f"needs {', '.join(sorted(proxy.needs)) or 'nothing'}",
            f"{proxy.direction}d",
            "stochastic" if proxy.stochastic else "not stochastic",
        ]
        lines = (proxy.description, "; ".join(traits), f"cost: {proxy.cost}", f"source: {proxy.source}")
        table.add_row(proxy.name, "\n".join(lines))
    print_table(table)
