import pytest

from coernas_moo.networks.pools import POOLS, Pool
from coernas_moo.networks.units import UNITS, Unit
from coernas_moo.testing.units import PoolConformance, UnitConformance


class TestEveryUnit(UnitConformance):
    @pytest.fixture(params=UNITS.names())
    def unit(self, request: pytest.FixtureRequest) -> Unit:
        return UNITS[request.param]


class TestEveryPool(PoolConformance):
    @pytest.fixture(params=POOLS.names())
    def pool(self, request: pytest.FixtureRequest) -> Pool:
        return POOLS[request.param]
