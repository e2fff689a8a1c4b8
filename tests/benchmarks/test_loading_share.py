from __future__ import annotations

import pytest

from coernas_moo.benchmarks.loading_share import measure_loading_share
from coernas_moo.config import load_problem
from coernas_moo.errors import CoernasError


def test_shares_are_shares_and_ordered() -> None:
    found = measure_loading_share(load_problem("digits", {"space.base_width": 4}), networks=2, threads=1)
    assert 0 < found.lowest <= found.median <= found.highest < 1
    assert found.images == 1259
    assert found.threads == 1
    assert found.images_per_second > 0


def test_no_network() -> None:
    with pytest.raises(CoernasError, match="at least 1 network"):
        measure_loading_share(load_problem("digits"), networks=0)
