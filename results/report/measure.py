"""What a report costs: seconds to write it, its size, and when a browser that opens it can be used.

    python results/report/measure.py RUN [--repeats N]

The browser is a fresh one each time, started and left idle before the page is opened. A page can be used when its front
is drawn and answers to clicks. CPU seconds are those of the command, and of the page's main thread.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from browser import Browser

IDLE_SECONDS = 2.0


def cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def write(run: Path, out: Path) -> dict[str, float]:
    """One call of the command, in a process of its own."""
    before, started = cpu_of_children(), time.perf_counter()
    command = [sys.executable, "-m", "coernas_moo.cli.main", "report", str(run), "--out", str(out)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return {"write_s": time.perf_counter() - started, "write_cpu_s": cpu_of_children() - before}


def write_here(run: Path, out: Path) -> float:
    """Seconds of reading the run and writing the page, with everything imported already."""
    from coernas_moo.reporting.html.page import write_report
    from coernas_moo.reporting.html.run_entry import run_entry
    from coernas_moo.search.run import Run

    started = time.perf_counter()
    write_report([run_entry(Run(run), "entry-1")], out)
    return time.perf_counter() - started


def open_in_browser(page: Path, folder: Path) -> dict[str, float]:
    """One load in a fresh browser."""
    with Browser(folder) as browser:
        time.sleep(IDLE_SECONDS)
        browser.call("Performance.enable", timeDomain="threadTicks")
        browser.open(page)
        metrics = {m["name"]: m["value"] for m in browser.call("Performance.getMetrics")["metrics"]}
        at = browser.run("performance.getEntriesByName('interactive')[0].startTime")
        return {"interactive_s": at / 1000, "page_cpu_s": metrics["TaskDuration"]}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "report.html"
        write_here(options.run, out)
        for repeat in range(options.repeats):
            row = write(options.run, out) | {"write_imported_s": write_here(options.run, out)}
            rows.append(row | open_in_browser(out, Path(folder) / f"profile-{repeat}"))
        size = out.stat().st_size
    summary = {name: round(statistics.median(row[name] for row in rows), 3) for name in rows[0]}
    best = {f"{name}_least": round(min(row[name] for row in rows), 3) for name in rows[0]}
    found = {**summary, **best, "size_mb": size / 1e6, "repeats": len(rows), "load": os.getloadavg()[0]}
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
