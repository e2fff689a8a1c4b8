import pytest

from coernas_moo.networks.layers import Shape
from coernas_moo.spaces.nasbench201 import NASBench201Settings
from coernas_moo.spaces.separable import SeparableSettings
from coernas_moo.spaces.settings import SPACES
from coernas_moo.spaces.space import SearchSpace
from coernas_moo.testing.spaces import SpaceConformance

IMAGES = [(Shape(3, 16, 16), 10), (Shape(1, 8, 8), 2), (Shape(2, 13, 22), 7)]


def test_problem_files_find_both_spaces_by_name() -> None:
    assert SPACES["nasbench201"] is NASBench201Settings
    assert SPACES["separable"] is SeparableSettings


class TestEveryRegisteredSpace(SpaceConformance):
    @pytest.fixture(params=[(name, *images) for name in SPACES.names() for images in IMAGES], ids=str)
    def space(self, request: pytest.FixtureRequest) -> SearchSpace:
        name, shape, classes = request.param
        return SPACES[name]().build(shape, classes)


class TestSeparableSpaceWithWidths(SpaceConformance):
    @pytest.fixture
    def space(self) -> SearchSpace:
        choices = SeparableSettings(stages=3, base_width=12, width_multipliers=(0.5, 1, 1.5), stem_stride=2)
        return choices.build(Shape(3, 18, 11), 5)
