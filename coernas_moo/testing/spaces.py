"""Conformance tests of search spaces.

A package that adds a space subclasses `SpaceConformance` in its own tests and gets them all:

    class TestMySpace(SpaceConformance):
        @pytest.fixture
        def space(self) -> SearchSpace:
            return MySpaceSettings().build(Shape(3, 16, 16), 10)
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

from coernas_moo.errors import GenotypeError
from coernas_moo.networks.init import he_init
from coernas_moo.networks.plan import Network
from coernas_moo.objectives import OBJECTIVES
from coernas_moo.spaces.space import SearchSpace


def measured_macs(network: Network, images: torch.Tensor) -> float:
    """MACs for one image of convolutions and linear maps that have trainable weights, as torch counts them.

    Args:
        network: weights set.
        images: shape (n, channels, height, width).
    """
    fixed = {
        f"{type(network).__name__}.{name}"
        for name, module in network.named_modules()
        if not list(module.children()) and not list(module.parameters())
    }
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(images)
    counts = counter.get_flop_counts()
    skipped = sum(sum(flops.values()) for name, flops in counts.items() if name in fixed)
    total: int = counter.get_total_flops()
    return (total - skipped) / 2 / len(images)


class SpaceConformance:
    """What every search space must do; override the fixture `space`."""

    samples = 12
    """How many random genotypes a test looks at."""

    built = 4
    """How many of them a test builds."""

    @pytest.fixture
    def space(self) -> SearchSpace:
        """The space under test."""
        raise NotImplementedError("override the fixture `space` with one that returns your search space")

    def _genotypes(self, space: SearchSpace, n: int) -> NDArray[np.int64]:
        return space.sample(n, np.random.default_rng(0))

    def test_forms_are_arrays_of_their_own(self, space: SearchSpace) -> None:
        first, other = space.sample(2, np.random.default_rng(0))
        for of in (space.check, space.canonical, space.function):
            genotype = first.copy()
            form = of(genotype)
            genotype[:] = other
            assert np.array_equal(form, of(first))

    def test_sampling_stays_in_bounds_and_repeats(self, space: SearchSpace) -> None:
        first = self._genotypes(space, 50)
        assert first.dtype == np.int64
        assert first.shape == (50, len(space.genes))
        assert (first >= 0).all()
        assert (first < space.cardinalities).all()
        assert np.array_equal(first, self._genotypes(space, 50))

    def test_segments_tile_the_genotype(self, space: SearchSpace) -> None:
        assert len(set(space.genes)) == len(space.genes)
        covered = np.concatenate([np.arange(len(space.genes))[part] for part in space.slices.values()])
        assert covered.tolist() == list(range(len(space.genes)))

    def test_decode_and_encode_are_inverse(self, space: SearchSpace) -> None:
        for genotype in self._genotypes(space, self.samples):
            assert np.array_equal(space.encode(space.decode(genotype)), genotype)

    def test_text_round_trip_keeps_the_function(self, space: SearchSpace) -> None:
        for genotype in self._genotypes(space, self.samples):
            text = space.to_text(genotype)
            assert np.array_equal(space.canonical(space.from_text(text)), space.canonical(genotype))
            assert space.to_text(space.from_text(text)) == text

    def test_canonical_is_idempotent(self, space: SearchSpace) -> None:
        for genotype in self._genotypes(space, self.samples):
            canonical = space.canonical(genotype)
            assert canonical.dtype == np.int64
            assert np.array_equal(space.canonical(canonical), canonical)
            assert np.array_equal(space.from_text(space.to_text(canonical)), canonical)

    def test_rows_have_the_forms_that_each_has_alone(self, space: SearchSpace) -> None:
        for n in (0, 1, 8 * self.samples):
            genotypes = self._genotypes(space, n)
            before = genotypes.copy()
            for of_rows, of_one in ((space.canonical_rows, space.canonical), (space.function_rows, space.function)):
                forms = of_rows(genotypes)
                assert forms.dtype == np.int64
                assert forms.shape == genotypes.shape
                assert not np.shares_memory(forms, genotypes)
                assert all(np.array_equal(form, of_one(one)) for form, one in zip(forms, genotypes, strict=True))
            assert np.array_equal(genotypes, before)

    def test_chains_are_the_plans(self, space: SearchSpace) -> None:
        for n in (0, 1, 2 * self.samples):
            genotypes = self._genotypes(space, n)
            chains = space.chains(genotypes)
            if chains is None:
                continue
            assert len(chains.places) == n
            for genotype, places in zip(genotypes, chains.places, strict=True):
                placed = [chains.blocks[number] for number in places if number >= 0]
                planned = list(space.plan(genotype).placed())
                assert [(block.layer, shape) for block, shape in placed] == [
                    (block.layer, shape) for block, shape in planned
                ]

    def test_shares_of_blocks_sum_to_what_plans_say(self, space: SearchSpace) -> None:
        genotypes = self._genotypes(space, self.samples)
        chains = space.chains(genotypes)
        for objective in (OBJECTIVES[name] for name in OBJECTIVES):
            if chains is None or objective.of_block is None or objective.of_plan is None:
                continue
            sums = chains.sums(chains.each(objective.of_block)).tolist()
            assert sums == [objective.of_plan(space.plan(genotype)) for genotype in genotypes], objective.name

    def test_parts_are_counts_of_the_same_parts(self, space: SearchSpace) -> None:
        counts = [space.parts(genotype) for genotype in self._genotypes(space, self.samples)]
        assert len({each.shape for each in counts}) == 1
        assert counts[0].ndim == 1
        assert all((each >= 0).all() for each in counts)

    def test_what_is_not_live_does_not_matter(self, space: SearchSpace) -> None:
        for genotype in self._genotypes(space, self.samples):
            live = space.live(genotype)
            assert live.shape == genotype.shape
            changed = np.where(live, genotype, (genotype + 1) % space.cardinalities)
            assert np.array_equal(space.canonical(changed), space.canonical(genotype))
            assert space.plan(changed) == space.plan(genotype)

    def test_canonical_leaves_its_argument_alone(self, space: SearchSpace) -> None:
        genotype = self._genotypes(space, 1)[0]
        before = genotype.copy()
        space.canonical(genotype)
        assert np.array_equal(genotype, before)

    def test_canonical_forms_are_no_more_than_genotypes(self, space: SearchSpace) -> None:
        assert 1 <= space.canonical_size() <= space.size()

    def test_costs_are_those_of_the_canonical_network(self, space: SearchSpace) -> None:
        for genotype in self._genotypes(space, self.samples):
            canonical = space.canonical(genotype)
            assert space.params(genotype) == space.plan(canonical).params()
            assert space.macs(genotype) == space.plan(canonical).macs()

    def test_planned_costs_are_those_of_the_network(self, space: SearchSpace) -> None:
        for genotype in self._genotypes(space, self.built):
            plan, network = space.plan(genotype), space.build(genotype)
            he_init(network, torch.Generator().manual_seed(0))
            assert sum(weight.numel() for weight in network.parameters()) == plan.params()
            assert measured_macs(network, torch.zeros(1, *space.input_shape)) == plan.macs()
            assert sum(row.params for row in plan.costs()) == plan.params()
            assert sum(row.macs for row in plan.costs()) == plan.macs()

    def test_networks_answer_one_score_a_class_and_learn(self, space: SearchSpace) -> None:
        generator = torch.Generator().manual_seed(0)
        for genotype in self._genotypes(space, self.built):
            network = space.build(space.canonical(genotype))
            he_init(network, generator)
            images = torch.randn(2, *space.input_shape, generator=generator)
            scores = network(images)
            assert scores.shape == (2, space.classes)
            assert torch.isfinite(scores).all()
            scores.square().sum().backward()
            gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
            assert gradients
            assert all(torch.isfinite(gradient).all() for gradient in gradients)

    def test_planned_shapes_are_those_of_the_blocks(self, space: SearchSpace) -> None:
        genotype = self._genotypes(space, 1)[0]
        network = space.build(genotype).eval()
        he_init(network, torch.Generator().manual_seed(0))
        x = torch.zeros(1, *space.input_shape)
        with torch.no_grad():
            for row, block in zip(space.plan(genotype).costs(), network.chain.values(), strict=True):
                x = block(x)
                assert x.numel() == np.prod(row.out_shape), row.name

    def test_reduced_keeps_genes_and_shrinks(self, space: SearchSpace) -> None:
        for reduced in (space.reduced(), space.reduced(8)):
            assert reduced.genes == space.genes
            assert [segment.options for segment in reduced.segments] == [segment.options for segment in space.segments]
            assert reduced.classes == space.classes
            assert reduced.input_shape.channels == space.input_shape.channels
            assert reduced.input_shape.height <= space.input_shape.height
            assert reduced.input_shape.width <= space.input_shape.width
            genotype = self._genotypes(space, 1)[0]
            assert reduced.macs(genotype) <= space.macs(genotype)

    def test_bad_genotypes_are_named(self, space: SearchSpace) -> None:
        good = self._genotypes(space, 1)[0]
        bad = [good[:-1], np.append(good, 0), good - good - 1, space.cardinalities, good + 0.5, [None] * len(good), "x"]
        for genotype in bad:
            for use in (space.check, space.decode, space.canonical, space.plan, space.to_text):
                with pytest.raises(GenotypeError):
                    use(genotype)
            for use_rows in (space.check_rows, space.canonical_rows, space.function_rows):
                with pytest.raises(GenotypeError):
                    use_rows([genotype])
        rows = self._genotypes(space, 2).tolist()
        for ragged in ([rows[0], rows[1][:-1]], 7, np.array(7)):
            with pytest.raises(GenotypeError):
                space.check_rows(ragged)

    def test_bad_text_is_named(self, space: SearchSpace) -> None:
        text = space.to_text(self._genotypes(space, 1)[0])
        for broken in ("", "nonsense", text + text, text[: len(text) // 2]):
            with pytest.raises(GenotypeError):
                space.from_text(broken)

    def test_bad_labels_are_named(self, space: SearchSpace) -> None:
        labels = space.decode(self._genotypes(space, 1)[0])
        first = space.genes[0]
        for broken in ({**labels, first: "?"}, {**labels, "?": "?"}, {g: v for g, v in labels.items() if g != first}):
            with pytest.raises(GenotypeError):
                space.encode(broken)
