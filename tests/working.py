"""What tests give to worker processes."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import torch

from coernas_moo.evaluation.workers import Outcome, WorkerPool


def act(item: Any) -> Any:
    """What the item says."""
    match item:
        case "raise":
            raise ValueError("no\n good")
        case "memory":
            raise MemoryError
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "realtime":
            os.kill(os.getpid(), signal.SIGRTMIN + 6)
        case "exit":
            os._exit(3)
        case "hang":
            time.sleep(60)
        case ("print", text):
            sys.stdout.write(f"{text}\n")
            os.write(1, f"{text} too\n".encode())
        case "pid":
            return os.getpid()
        case "threads":
            return torch.get_num_threads()
        case ("touch", path):
            with Path(path).open("a") as file:
                file.write("x")
            os.kill(os.getpid(), signal.SIGKILL)
        case ("once", path):
            if not Path(path).exists():
                Path(path).touch()
                os._exit(1)
            return "second try"
        case ("sleep", seconds):
            time.sleep(seconds)
            return seconds
    return item * 2


def outcomes(items: list[Any], workers: int = 2, **options: Any) -> dict[int, Outcome[Any]]:
    with WorkerPool(act, workers, **options) as pool:
        found = list(pool.run(items))
    assert len({position for position, _ in found}) == len(found)
    return dict(found)
