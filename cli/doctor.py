"""`coernas doctor`: is this machine ready, and with what."""

from __future__ import annotations

import click

from .names import RUNS
from .output import print_json


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(as_json: bool) -> None:
    """Show versions, cores, devices, caches and folders, and what to put right.

    \b
    Example:
      coernas doctor --json
    """
    from coernas_moo.doctor import examine, problems

    found = examine(RUNS)
    if as_json:
        print_json({**found, "problems": problems(found)})
        return
    cores, threads = found["cores"], found["torch_threads"]
    lines = {
        **found["versions"],
        "system": found["system"],
        "processor": f"{found['processor']}, {cores['usable']} of {cores['machine']} cores usable",
        "torch threads": f"{threads['here']} here, {threads['in_workers']} in each worker",
        "CUDA devices": ", ".join(found["cuda_devices"]) or "none; nothing here needs one",
        "pymoo compiled": "yes" if found["pymoo_compiled"] else "no",
        "runs": f"{found['runs']['folder']}, {'writable' if found['runs']['writable'] else 'NOT writable'}",
        "cache": f"{found['cache']['folder']}, {'writable' if found['cache']['writable'] else 'NOT writable'}",
    }
    for label, text in lines.items():
        click.echo(f"{label:<15} {text}")
    for table in found["latency_tables"]:
        if "error" not in table:
            threads = f"{table['threads']} thread{'' if table['threads'] == 1 else 's'}"
            click.echo(f"{'latency table':<15} {table['device']}")
            click.echo(
                f"{'':<15} {table['entries']:,} operators, {threads}, batch {table['batch']}, torch {table['torch']}"
            )
    trouble = problems(found)
    for line in trouble:
        click.echo(f"! {line}")
    click.echo("something to put right, see above" if trouble else "everything is in order")
