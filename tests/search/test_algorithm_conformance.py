import numpy as np
import pytest
from pymoo.core.crossover import Crossover
from pymoo.core.mutation import Mutation

from coernas_moo.networks.layers import Shape
from coernas_moo.search.algorithms import ALGORITHMS
from coernas_moo.search.crossover import SegmentCrossover
from coernas_moo.search.mutation import AdaptiveMutation
from coernas_moo.spaces import NASBench201, SearchSpace, SeparableSettings
from coernas_moo.testing.algorithms import TINY, AlgorithmConformance, drive
from coernas_moo.testing.operators import CrossoverConformance, MutationConformance


class TestEveryRegisteredAlgorithm(AlgorithmConformance):
    @pytest.fixture(params=ALGORITHMS.names())
    def algorithm(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)


class TestSegmentCrossover(CrossoverConformance):
    @pytest.fixture
    def crossover(self, space: SearchSpace) -> Crossover:
        return SegmentCrossover(space)


class TestAdaptiveMutation(MutationConformance):
    @pytest.fixture
    def mutation(self, space: SearchSpace) -> Mutation:
        return AdaptiveMutation(space, default=0.1)


class TestSegmentCrossoverOnCells(TestSegmentCrossover):
    @pytest.fixture
    def space(self) -> SearchSpace:
        return NASBench201(Shape(3, 16, 16), 10)


def test_a_gene_with_one_option_is_left_alone() -> None:
    space = SeparableSettings(stages=2, units=("conv3",), pools=("max", "avg")).build(Shape(3, 16, 16), 10)
    genotypes = space.sample(50, np.random.default_rng(0))
    mutated = AdaptiveMutation(space, default=0.5)._do(
        None, genotypes, random_state=np.random.default_rng(1), qualities=np.full(50, 0.0)
    )
    assert (mutated[:, space.cardinalities == 1] == 0).all()
    assert (mutated != genotypes).any()


@pytest.mark.parametrize("algorithm", ["hd-duaas", "random"])
def test_all_of_a_small_space_is_evaluated(algorithm: str) -> None:
    evaluator, _, _, ended = drive(algorithm, TINY, generations=60)
    assert ended
    assert len(evaluator.evaluated) == 24
