"""Every proxy that ships does what every proxy must do."""

import pytest

from coernas_moo.proxies import PROXIES
from coernas_moo.testing.proxies import ProxyConformance


class TestEveryProxy(ProxyConformance):
    @pytest.fixture(autouse=True, params=sorted(PROXIES))
    def _choose(self, request: pytest.FixtureRequest) -> None:
        self.name = request.param
