import itertools
import pickle

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from coernas_moo.errors import GenotypeError, ProblemFileError
from coernas_moo.networks.init import he_init
from coernas_moo.networks.layers import Shape
from coernas_moo.networks.plan import Network
from coernas_moo.networks.pools import POOLS
from coernas_moo.networks.units import UNITS
from coernas_moo.spaces.separable import SeparableSettings, SeparableSpace

DIGITS = Shape(1, 8, 8)
COLOUR = Shape(3, 32, 32)
WIDE = SeparableSettings(width_multipliers=(0.5, 1, 1.5))


@st.composite
def small_spaces(draw: st.DrawFn) -> SeparableSpace:
    stages = draw(st.integers(1, 3))
    return SeparableSpace(
        Shape(draw(st.integers(1, 3)), draw(st.integers(1, 9)), draw(st.integers(1, 9))),
        draw(st.integers(2, 4)),
        SeparableSettings(
            stages=stages,
            max_depth=draw(st.integers(1, 3)),
            base_width=draw(st.sampled_from((4, 6, 8))),
            units=tuple(draw(st.lists(st.sampled_from(UNITS.names()), min_size=1, max_size=3, unique=True))),
            pools=tuple(draw(st.lists(st.sampled_from(POOLS.names()), min_size=1, unique=True))),
            width_multipliers=tuple(draw(st.lists(st.sampled_from((0.25, 0.5, 1.0, 1.5)), max_size=3, unique=True))),
            stem_stride=draw(st.integers(1, 2)),
        ),
    )


def draw_genotype(space: SeparableSpace, data: st.DataObject) -> np.ndarray:
    return np.array([data.draw(st.integers(0, int(n) - 1)) for n in space.cardinalities], dtype=np.int64)


def outputs(network: Network, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Class scores in train mode, the gradient of their squares at the images, and class scores in eval mode."""
    x = images.clone().requires_grad_()
    scores = network.train()(x)
    (gradient,) = torch.autograd.grad(scores.square().sum(), x)
    with torch.no_grad():
        return scores.detach(), gradient, network.eval()(images)


@given(small_spaces(), st.data())
@settings(max_examples=40, deadline=None)
def test_canonical_network_computes_the_same_function(space: SeparableSpace, data: st.DataObject) -> None:
    genotype = draw_genotype(space, data)
    full, canonical = space.build(genotype), space.build(space.canonical(genotype))
    he_init(full, torch.Generator().manual_seed(0))
    canonical.load_state_dict(full.state_dict())
    images = torch.randn(4, *space.input_shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for ours, theirs in zip(outputs(canonical.double(), images), outputs(full.double(), images), strict=True):
        torch.testing.assert_close(ours, theirs)


@given(small_spaces(), st.data())
@settings(max_examples=40, deadline=None)
def test_merged_genotypes_cost_the_same(space: SeparableSpace, data: st.DataObject) -> None:
    genotype = draw_genotype(space, data)
    canonical = space.canonical(genotype)
    assert [(row.name, row.out_shape, row.params, row.macs) for row in space.plan(genotype).costs()] == [
        (row.name, row.out_shape, row.params, row.macs) for row in space.plan(canonical).costs()
    ]


@given(small_spaces(), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_many_at_once_are_what_each_is_alone(space: SeparableSpace, seed: int) -> None:
    genotypes = space.sample(7, np.random.default_rng(seed))
    canonical = space.canonical_rows(genotypes)
    assert np.array_equal(canonical, [space.canonical(genotype) for genotype in genotypes])
    chains = space.chains(canonical)
    macs = chains.sums([block.macs(shape) for block, shape in chains.blocks])
    assert macs.tolist() == [space.macs(genotype) for genotype in genotypes]
    for form, places in zip(canonical, chains.places, strict=True):
        planned = space.plan(form).placed()
        assert [chains.blocks[number] for number in places if number >= 0] == list(planned)


@given(small_spaces())
@settings(max_examples=25, deadline=None)
def test_canonical_size_is_what_enumeration_finds(space: SeparableSpace) -> None:
    assume(space.size() <= 2000)
    genotypes = np.array(list(itertools.product(*(range(n) for n in space.cardinalities))))
    assert len(genotypes) == space.size()
    forms = {tuple(space.canonical(genotype)) for genotype in genotypes}
    assert len(forms) == space.canonical_size()
    assert len({space.plan(form) for form in forms}) == len(forms)


@pytest.mark.parametrize("multipliers", [(), (0.5, 1.0), (0.5, 0.6)])
def test_nothing_that_plans_alike_is_left_apart(multipliers: tuple[float, ...]) -> None:
    choices = SeparableSettings(
        stages=2, max_depth=2, units=("conv3", "sep3"), pools=("max", "l2"), width_multipliers=multipliers
    )
    space = SeparableSpace(Shape(1, 2, 2), 2, choices)
    genotypes = itertools.product(*(range(n) for n in space.cardinalities))
    plans = {space.plan(genotype) for genotype in genotypes}
    assert len(plans) == space.canonical_size()


def test_inert_genes_are_zero() -> None:
    space = SeparableSpace(Shape(1, 4, 4), 2, SeparableSettings(max_depth=2))
    ones = np.ones(len(space.genes), dtype=np.int64)
    ones[space.slices["depth"]] = [0, 1, 0, 1]
    canonical = space.canonical(ones)
    assert canonical[space.slices["conv"]].tolist() == [1, 0, 1, 1, 1, 0, 1, 1]
    assert canonical[space.slices["pool"]].tolist() == [1, 1, 0, 0]
    assert canonical[space.slices["depth"]].tolist() == [0, 1, 0, 1]


def test_blur_becomes_average_only_on_a_small_map_and_where_average_is_offered() -> None:
    space = SeparableSpace(DIGITS, 10, SeparableSettings(stages=3, max_depth=1))
    canonical = space.canonical(space.from_text("conv3:blur/conv3:blur/conv3:blur"))
    assert space.to_text(canonical) == "conv3:blur/conv3:blur/conv3:avg"
    alone = SeparableSpace(DIGITS, 10, SeparableSettings(stages=3, max_depth=1, pools=("max", "blur")))
    text = "conv3:blur/conv3:blur/conv3:blur"
    assert alone.to_text(alone.canonical(alone.from_text(text))) == text


def test_multipliers_that_round_to_one_width_are_one() -> None:
    space = SeparableSpace(DIGITS, 10, SeparableSettings(stages=2, base_width=8, width_multipliers=(0.5, 1, 2)))
    canonical = space.canonical(space.from_text("conv3:max:x1/conv3:max:x1"))
    assert space.to_text(canonical) == "conv3:max:x0.5/conv3:max:x1"


def test_default_segments() -> None:
    space = SeparableSpace(COLOUR, 10, WIDE)
    assert [(s.name, len(s), s.crossover) for s in space.segments] == [
        ("conv", 12, "two-point"),
        ("pool", 4, "single-point"),
        ("depth", 4, "single-point"),
        ("width", 4, "single-point"),
    ]
    assert space.genes[:4] == ("conv1.1", "conv1.2", "conv1.3", "conv2.1")
    assert space.genes[-12:] == tuple(f"{name}{s}" for name in ("pool", "depth", "width") for s in range(1, 5))
    assert space.size() == 8**12 * 5**4 * 3**4 * 3**4
    assert space.canonical_size() == ((8 + 8**2 + 8**3) * 5 * 3) ** 4


def test_plan_reads_as_the_text_says() -> None:
    space = SeparableSpace(COLOUR, 10, WIDE)
    plan = space.plan(space.from_text("conv3,sep5:max:x1/mb6k5:avg:x0.5/dil3:mix:x1/bottleneck3:blur:x1.5"))
    rows = list(plan.costs())
    assert [row.name for row in rows] == [
        *("stem", "stage1.unit1", "stage1.unit2", "stage1.pool", "stage2.unit1", "stage2.pool"),
        *("stage3.unit1", "stage3.pool", "stage4.unit1", "stage4.pool", "head.pool", "head.linear"),
    ]
    assert [str(row.out_shape) for row in rows] == [
        *("16x32x32", "16x32x32", "16x32x32", "16x16x16", "16x16x16", "16x8x8"),
        *("64x8x8", "64x4x4", "192x4x4", "192x2x2", "192x1x1", "10x1x1"),
    ]
    assert len(plan.build().blocks) == len(rows) - 2


def test_text_of_the_issue_round_trips() -> None:
    space = SeparableSpace(COLOUR, 10)
    text = "conv3,sep5:max/mb6k5:avg/conv3,conv3,dil3:blur/bottleneck3:l2"
    assert space.to_text(space.from_text(text)) == text
    assert space.to_text(space.from_text(text.replace(",", " , ").replace("/", " / "))) == text


@given(small_spaces(), st.data())
@settings(max_examples=30, deadline=None)
def test_text_needs_no_quotes_and_keeps_all_that_is_alive(space: SeparableSpace, data: st.DataObject) -> None:
    genotype = draw_genotype(space, data)
    text = space.to_text(genotype)
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyz0123456789,:/.")
    assert space.plan(space.from_text(text)) == space.plan(genotype)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("conv3:max/conv3:max", "2 stages in .* this space has 4"),
        ("conv3:max/" * 4 + "conv3:max", "5 stages"),
        ("conv3:max/conv3,spe3:max/conv3:max/conv3:max", "stage 2, unit 2: no unit 'spe3'; did you mean 'sep3'"),
        ("conv3:max/conv3:max/conv3:maxx/conv3:max", "stage 3, pool: no pool 'maxx'; did you mean 'max'"),
        ("conv3:max/conv3/conv3:max/conv3:max", "stage 2: 'conv3' is not of the form unit,unit:pool$"),
        ("conv3:max/conv3:max/conv3:max/conv3:max:x1", "stage 4: .* not of the form"),
        ("conv3,conv3,conv3,conv3:max/conv3:max/conv3:max/conv3:max", "stage 1: 4 units, .* at most 3"),
        (":max/conv3:max/conv3:max/conv3:max", "stage 1, unit 1: the unit is missing"),
        ("conv3,:max/conv3:max/conv3:max/conv3:max", "stage 1, unit 2: the unit is missing"),
        ("conv3:/conv3:max/conv3:max/conv3:max", "stage 1, pool: the pool is missing"),
    ],
)
def test_unreadable_text_is_named(text: str, message: str) -> None:
    with pytest.raises(GenotypeError, match=message):
        SeparableSpace(COLOUR, 10).from_text(text)


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ("conv3:max", "stage 1: 'conv3:max' is not of the form unit,unit:pool:width"),
        ("conv3:max:x2", "stage 1, width: no width 'x2'.* Choose from x0.5, x1, x1.5"),
        ("conv3:max:", "stage 1, width: the width is missing"),
    ],
)
def test_unreadable_width_is_named(stage: str, message: str) -> None:
    with pytest.raises(GenotypeError, match=message):
        SeparableSpace(COLOUR, 10, WIDE).from_text(stage + "/conv3:max:x1" * 3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"stages": 0}, "space.stages is 0; give 1 to 16"),
        ({"max_depth": 0}, "space.max_depth is 0"),
        ({"base_width": 0}, "space.base_width is 0"),
        ({"stages": 16}, r"space.base_width \* 2\*\*\(stages - 1\) is 131072"),
        ({"widths": [8, 8]}, "space.widths lists 2 widths for 4 stages"),
        ({"widths": [8, 8, 8, 0]}, "space.widths is 0"),
        ({"units": []}, "space.units is empty, a segment with no choice; list some of conv3"),
        ({"units": ["conv33"]}, "space.units: no unit named 'conv33'; did you mean 'conv3'"),
        ({"units": ["conv3", "conv3"]}, "segment 'conv' lists an option twice"),
        ({"pools": []}, "space.pools is empty, a segment with no choice; list some of max"),
        ({"pools": ["min"]}, "space.pools: no pool named 'min'"),
        ({"width_multipliers": [1.0, 0.0]}, "space.width_multipliers has 0.0"),
        ({"width_multipliers": [float("nan")]}, "space.width_multipliers has nan"),
        ({"width_multipliers": [1, 1.0]}, "segment 'width' lists an option twice"),
        ({"stem_stride": 4}, "space.stem_stride is 4; give 1 to 3"),
        ({"stem_width": 0}, "space.stem_width is 0"),
    ],
)
def test_impossible_settings_are_named(values: dict[str, object], message: str) -> None:
    choices = msgspec.convert(values, SeparableSettings, strict=True)
    with pytest.raises(ProblemFileError, match=message):
        choices.build(COLOUR, 10)


@pytest.mark.parametrize(("shape", "classes"), [(Shape(0, 8, 8), 2), (Shape(1, 0, 8), 2), (Shape(1, 8, 8), 1)])
def test_impossible_images_are_named(shape: Shape, classes: int) -> None:
    with pytest.raises(ProblemFileError, match=r"images of shape 0x|images of shape 1x0x8|at least 2 classes, not 1"):
        SeparableSettings().build(shape, classes)


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `stage`"):
        msgspec.convert({"stage": 3}, SeparableSettings, strict=True)


def test_every_setting_reaches_the_network() -> None:
    choices = SeparableSettings(
        stages=2, max_depth=1, widths=(10, 24), units=("sep5",), pools=("blur",), stem_stride=2, stem_width=6
    )
    space = choices.build(Shape(16, 20, 33), 1000)
    plan = space.plan(space.from_text("sep5:blur/sep5:blur"))
    assert [str(row.out_shape) for row in plan.costs()] == [
        *("6x10x17", "10x10x17", "10x5x9", "24x5x9", "24x3x5", "24x1x1", "1000x1x1"),
    ]
    network = plan.build()
    he_init(network, torch.Generator().manual_seed(0))
    assert network(torch.zeros(2, 16, 20, 33)).shape == (2, 1000)


@pytest.mark.parametrize("shape", [Shape(1, 8, 8), Shape(16, 512, 8), Shape(3, 61, 100), Shape(4, 512, 512)])
def test_any_image_size_plans_and_scores(shape: Shape) -> None:
    space = SeparableSpace(shape, 1000, SeparableSettings(base_width=8))
    genotype = space.sample(1, np.random.default_rng(0))[0]
    reduced = space.reduced()
    network = reduced.build(genotype)
    he_init(network, torch.Generator().manual_seed(0))
    assert network(torch.zeros(2, *reduced.input_shape)).shape == (2, 1000)
    assert reduced.plan(genotype).params() == space.plan(genotype).params()
    assert reduced.macs(genotype) <= space.macs(genotype)


@pytest.mark.parametrize(
    ("stages", "stem_stride", "shape", "size", "expected"),
    [
        (4, 1, (3, 224, 224), None, (16, 16)),
        (4, 2, (3, 224, 224), None, (32, 32)),
        (5, 2, (3, 48, 48), None, (48, 48)),
        (2, 1, (3, 32, 32), None, (16, 16)),
        (4, 1, (1, 8, 8), None, (8, 8)),
        (4, 1, (3, 240, 320), None, (16, 21)),
        (4, 1, (3, 320, 240), 24, (32, 24)),
        (4, 1, (3, 64, 64), 100, (64, 64)),
        (4, 1, (3, 64, 64), 1, (1, 1)),
    ],
)
def test_scoring_size(stages, stem_stride, shape, size, expected) -> None:
    choices = SeparableSettings(stages=stages, stem_stride=stem_stride, width_multipliers=(1.0, 2.0))
    space = SeparableSpace(Shape(*shape), 5, choices)
    reduced = space.reduced(size)
    assert reduced.input_shape == Shape(shape[0], *expected)
    assert reduced.genes == space.genes
    assert reduced.settings == space.settings


def test_scoring_size_below_one_is_refused() -> None:
    with pytest.raises(ProblemFileError, match="images of size 0"):
        SeparableSpace(COLOUR, 10).reduced(0)


def test_a_space_travels_to_a_worker_process() -> None:
    space = SeparableSpace(COLOUR, 10, WIDE)
    genotype = space.sample(1, np.random.default_rng(0))[0]
    plan = space.plan(genotype)
    copy = pickle.loads(pickle.dumps(space))
    assert copy.plan(genotype) == plan
    assert copy.canonical_size() == space.canonical_size()


def test_units_beyond_the_depth_and_pools_of_one_position_are_not_live() -> None:
    space = SeparableSpace(Shape(1, 4, 4), 2, SeparableSettings(stages=4, max_depth=2, width_multipliers=(0.5, 1)))
    genotype = space.from_text("conv3,sep3:avg:x1/conv3:avg:x1/sep3:max:x1/conv3,conv3:max:x1")
    live = dict(zip(space.genes, space.live(genotype).tolist(), strict=True))
    dead = {gene for gene, reaches in live.items() if not reaches}
    assert dead == {"conv2.2", "conv3.2", "pool3", "pool4"}
