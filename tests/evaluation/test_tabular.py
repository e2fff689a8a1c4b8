import os
from pathlib import Path

import numpy as np
import pytest

from coernas_moo.errors import DataError, GenotypeError
from coernas_moo.evaluation.tabular import DATA_VARIABLE, TabularBenchmark
from coernas_moo.nb201 import DATASETS
from coernas_moo.networks.layers import Shape
from coernas_moo.spaces.nasbench201 import NASBench201

EMPTY = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
CONV = EMPTY.replace("none~0", "nor_conv_3x3~0")


@pytest.fixture(scope="module")
def table() -> TabularBenchmark:
    if not Path(os.environ.get(DATA_VARIABLE, ""), "nb201", "nb201.npz").is_file():
        pytest.skip(f"no nb201/nb201.npz under {DATA_VARIABLE}")
    return TabularBenchmark.load()


@pytest.fixture
def columns() -> dict[str, np.ndarray]:
    return {
        "arch": np.array([EMPTY, CONV]),
        "cifar10/test": np.array([10.0, 90.0], dtype=np.float32),
        "cifar10/valid_12": np.array([10.0, 80.0], dtype=np.float32),
        "cifar10/params_m": np.array([0.1, 0.5], dtype=np.float32),
        "cifar10/flops_m": np.array([1.0, 50.0], dtype=np.float32),
        "latency_ms/raspi4": np.array([3.0, 9.0], dtype=np.float32),
        "hw/edgetpu_latency": np.array([-1.0, 2.0], dtype=np.float32),
        "hw/edgegpu_energy": np.array([5.0, 6.0], dtype=np.float32),
    }


def test_every_row_has_the_costs_of_its_nominal_network(table: TabularBenchmark) -> None:
    space = NASBench201(Shape(3, 32, 32), 10)
    plans = [space.plan(space.from_text(text)) for text in table.architectures]
    params = np.array([plan.params() for plan in plans])
    # The benchmark counts the ten additions of the classifier's bias among its operations.
    macs = np.array([plan.macs() for plan in plans]) + 10
    assert np.array_equal((params / 1e6).astype(np.float32), table.params_m.astype(np.float32))
    assert np.array_equal((macs / 1e6).astype(np.float32), table.flops_m.astype(np.float32))


def test_the_table_is_whole(table: TabularBenchmark) -> None:
    assert len(table) == len(set(table.architectures)) == 15625
    assert [round(float(table.accuracy(name).max()), 2) for name in DATASETS] == [94.37, 73.51, 47.31]
    for name in DATASETS:
        for split in ("valid", "test", "valid_12", "test_12"):
            assert np.all((table.accuracy(name, split) >= 0) & (table.accuracy(name, split) <= 100))
    assert {"pixel3", "raspi4", "edgegpu", "edgetpu"} <= set(table.latency_ms)
    assert all(np.nanmin(milliseconds) > 0 for milliseconds in table.latency_ms.values())


def test_rows_by_architecture(tmp_path: Path, columns: dict[str, np.ndarray]) -> None:
    path = tmp_path / "nb201.npz"
    np.savez(path, **columns)
    table = TabularBenchmark.load(path)
    assert table.accuracy("cifar10")[table.row(CONV)] == 90.0
    assert table.accuracy("cifar10", "valid_12").tolist() == [10.0, 80.0]
    assert sorted(table.latency_ms) == ["edgetpu", "raspi4"]
    assert np.isnan(table.latency_ms["edgetpu"][table.row(EMPTY)])
    with pytest.raises(GenotypeError, match="no architecture 'x'"):
        table.row("x")
    with pytest.raises(DataError, match="no accuracy cifar100/test; it has cifar10/test, cifar10/valid_12"):
        table.accuracy("cifar100")


def test_the_environment_names_the_folder(
    tmp_path: Path, columns: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    with pytest.raises(DataError, match="COERNAS_DATA is not set"):
        TabularBenchmark.load()
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    with pytest.raises(DataError, match=r"no NAS-Bench-201 table at .*nb201\.npz; write one"):
        TabularBenchmark.load()
    (tmp_path / "nb201").mkdir()
    np.savez(tmp_path / "nb201" / "nb201.npz", **columns)
    assert len(TabularBenchmark.load()) == 2


@pytest.mark.parametrize("content", [b"", b"not an npz", b"PK\x03\x04 cut short"])
def test_a_file_that_is_no_table_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "nb201.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"nb201\.npz is not a readable npz file"):
        TabularBenchmark.load(path)


def test_columns_are_checked(tmp_path: Path, columns: dict[str, np.ndarray]) -> None:
    path = tmp_path / "nb201.npz"
    np.savez(path, **{name: values for name, values in columns.items() if name != "cifar10/flops_m"})
    with pytest.raises(DataError, match="no column 'cifar10/flops_m'"):
        TabularBenchmark.load(path)
    np.savez(path, **{**columns, "cifar10/test": np.zeros(3)})
    with pytest.raises(DataError, match="'cifar10/test' has shape"):
        TabularBenchmark.load(path)
    np.savez(path, **{**columns, "cifar10/test": np.array(["high", "low"])})
    with pytest.raises(DataError, match="'cifar10/test' holds <U4"):
        TabularBenchmark.load(path)
    np.savez(path, **{**columns, "arch": np.array([EMPTY, CONV], dtype=object)}, allow_pickle=True)
    with pytest.raises(DataError, match="not a readable npz file"):
        TabularBenchmark.load(path)


def test_a_plain_array_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "nb201.npz"
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DataError, match="not a readable npz file"):
        TabularBenchmark.load(path)
