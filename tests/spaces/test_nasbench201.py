import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from coernas_moo.errors import GenotypeError, ProblemFileError
from coernas_moo.networks.cell import EDGES, OPERATIONS
from coernas_moo.networks.init import he_init
from coernas_moo.networks.layers import Shape
from coernas_moo.spaces.cell_paths import PATHS
from coernas_moo.spaces.nasbench201 import NASBench201, NASBench201Settings
from coernas_moo.spaces.settings import SPACES

SPACE = NASBench201(Shape(3, 32, 32), 10)
ALL = [np.array(codes) for codes in itertools.product(range(5), repeat=6)]
genotypes = st.lists(st.integers(0, 4), min_size=6, max_size=6).map(np.array)

Tree = tuple[str, int, "list[Tree]"]


def output_tree(operations: tuple[str, ...]) -> list[Tree]:
    """The output as nested terms (operation, edge whose weights it uses or -1, terms it is applied to)."""
    nodes: list[list[Tree]] = [[("input", -1, [])], [], [], []]
    for i, ((source, target), operation) in enumerate(zip(EDGES, operations, strict=True)):
        if operation == "skip_connect":
            nodes[target] = nodes[target] + nodes[source]
        elif operation != "none" and nodes[source]:
            edge = i if operation.startswith("nor_conv") else -1
            nodes[target] = [*nodes[target], (operation, edge, nodes[source])]
    return nodes[3]


def matches(ours: list[Tree], theirs: list[Tree], edges: dict[int, int]) -> Iterator[dict[int, int]]:
    """Every way to read `ours` as `theirs`: edge of ours -> edge of theirs that has its weights."""
    if len(ours) != len(theirs):
        return
    if not ours:
        yield edges
        return
    operation, edge, inner = ours[0]
    for i, (other_operation, other_edge, other_inner) in enumerate(theirs):
        if operation == other_operation and edges.get(edge, other_edge) == other_edge:
            for found in matches(inner, other_inner, {**edges, edge: other_edge}):
                yield from matches(ours[1:], theirs[:i] + theirs[i + 1 :], found)


def weights_from(canonical: np.ndarray, full: np.ndarray) -> dict[int, int] | None:
    """Which edge of the full cell each weighted edge of the canonical cell takes its weights from."""
    found = next(matches(output_tree(SPACE.operations(canonical)), output_tree(SPACE.operations(full)), {}), None)
    return found and {edge: other for edge, other in found.items() if edge >= 0}


def test_counts() -> None:
    assert len({tuple(g) for g in ALL}) == SPACE.size() == 15625
    assert len({tuple(SPACE.without_dead_edges(g)) for g in ALL}) == 9445
    assert len({tuple(SPACE.canonical(g)) for g in ALL}) == SPACE.canonical_size() == 4930


def test_canonical_form_is_idempotent_and_has_no_dead_edge() -> None:
    for canonical in {tuple(SPACE.canonical(g)) for g in ALL}:
        assert tuple(SPACE.canonical(canonical)) == canonical
        assert tuple(SPACE.without_dead_edges(canonical)) == canonical


def test_canonical_cell_can_take_the_weights_of_every_member_of_its_class() -> None:
    for genotype in {tuple(SPACE.without_dead_edges(g)) for g in ALL}:
        canonical = SPACE.canonical(genotype)
        carried = weights_from(canonical, np.array(genotype))
        assert carried is not None
        weighted = {i for i, name in enumerate(SPACE.operations(canonical)) if name.startswith("nor_conv")}
        assert set(carried) == weighted


def test_distinct_canonical_cells_compute_distinct_functions() -> None:
    trees = defaultdict(list)
    for canonical in {tuple(SPACE.canonical(g)) for g in ALL}:
        tree = output_tree(SPACE.operations(canonical))
        trees[(len(tree), len(str(tree)))].append(tree)
    for alike in trees.values():
        forgetful = {str(forget_weights(tree)) for tree in alike}
        assert len(forgetful) == len(alike)


def forget_weights(tree: list[Tree]) -> list[object]:
    return sorted(([operation, forget_weights(inner)] for operation, _, inner in tree), key=str)


def built(space: NASBench201, genotype: np.ndarray, seed: int) -> nn.Module:
    network = space.build(genotype)
    he_init(network, torch.Generator().manual_seed(seed))
    return network.double().train()


@given(genotype=genotypes, seed=st.integers(0, 2**31 - 1))
@settings(max_examples=40, deadline=None)
def test_canonical_network_computes_the_same_function(genotype: np.ndarray, seed: int) -> None:
    space = NASBench201(Shape(2, 9, 8), 3, channels=4, cells=1)
    canonical = space.canonical(genotype)
    full, small = built(space, genotype, seed), built(space, canonical, seed + 1)
    carried = weights_from(canonical, space.without_dead_edges(genotype))
    assert carried is not None
    generator = torch.Generator().manual_seed(seed)
    live = {f"edges.{source}-{target}." for source, target in (EDGES[i] for i in carried.values())}
    with torch.no_grad():
        for name, parameter in full.named_parameters():
            # Scale and shift of norms on live edges and around the cells; a dead edge from a node that nobody
            # feeds computes zero only while its shift is zero, as it is at initialisation.
            if parameter.dim() == 1 and (".edges." not in name or any(edge in name for edge in live)):
                parameter.normal_(1.0, 0.5, generator=generator)
    names = {f"{s}-{t}": "{}-{}".format(*EDGES[carried[i]]) for i, (s, t) in enumerate(EDGES) if i in carried}
    weights = full.state_dict()
    for name in small.state_dict():
        head, dot, tail = name.partition(".edges.")
        source = head + dot + names[tail[:3]] + tail[3:] if dot else name
        small.state_dict()[name].copy_(weights[source])
    x = torch.randn(6, *space.input_shape, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(small(x), full(x))
    y = torch.randn(6, *space.input_shape, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(small.eval()(y), full.eval()(y))


def test_separate_weights_stand_for_shared_ones() -> None:
    shared = SPACE.from_text("|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|skip_connect~1|skip_connect~2|")
    separate = SPACE.from_text("|nor_conv_3x3~0|+|none~0|none~1|+|nor_conv_3x3~0|skip_connect~1|none~2|")
    assert np.array_equal(SPACE.canonical(shared), SPACE.canonical(separate))
    assert SPACE.params(shared) == SPACE.params(separate) == SPACE.plan(separate).params()
    assert SPACE.plan(shared).params() < SPACE.params(shared)


@pytest.mark.parametrize("options", [c for k in (1, 2) for c in itertools.combinations(OPERATIONS, k)])
def test_restricted_options(options: tuple[str, ...]) -> None:
    space = NASBench201(Shape(3, 32, 32), 10, options=options)
    codes = [np.array(c) for c in itertools.product(range(len(options)), repeat=6)]
    in_whole_space = [SPACE.from_text(space.to_text(g)) for g in codes]
    assert len({tuple(space.canonical(g)) for g in codes}) == space.canonical_size()
    assert len({tuple(SPACE.canonical(g)) for g in in_whole_space}) == space.canonical_size()
    for genotype, same in zip(codes, in_whole_space, strict=True):
        assert space.params(genotype) == SPACE.params(same)


@given(genotype=genotypes)
@settings(max_examples=50)
def test_text_round_trip(genotype: np.ndarray) -> None:
    text = SPACE.to_text(genotype)
    assert np.array_equal(SPACE.from_text(text), genotype)
    assert np.array_equal(SPACE.from_text(text.replace("|+|", " + ").replace("~", " ~ ").strip("|")), genotype)
    assert np.array_equal(SPACE.encode(SPACE.decode(genotype)), genotype)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "has 1"),
        ("|none~0|+|none~0|none~1|", "has 2"),
        ("|none~1|+|none~0|none~1|+|none~0|none~1|none~2|", "'none~1' in node 1"),
        ("|none|+|none~0|none~1|+|none~0|none~1|none~2|", "'none' in node 1"),
        ("|none~0|+|none~0|+|none~0|none~1|none~2|", "node 2 .* has 1 of its 2 edges"),
        ("|none~0|+|none~0|none~0|+|none~0|none~1|none~2|", "names source 0 twice"),
        ("|none~0|+|none~0|none~1|+|none~0|conv~1|none~2|", r"'conv' \('conv~1' in node 3"),
    ],
)
def test_unreadable_text_names_the_part(text: str, part: str) -> None:
    with pytest.raises(GenotypeError, match=part):
        SPACE.from_text(text)


def test_plan_names_its_blocks() -> None:
    plan = NASBench201(Shape(1, 28, 28), 10, channels=4, cells=2).plan([3] * 6)
    assert [block.name for block in plan.blocks] == [
        "stem",
        "stage1.cell1",
        "stage1.cell2",
        "stage2.reduction",
        "stage2.cell1",
        "stage2.cell2",
        "stage3.reduction",
        "stage3.cell1",
        "stage3.cell2",
        "activation",
        "pool",
        "classifier",
    ]
    assert [block.name for block in plan.blocks if not block.observed] == ["activation", "pool", "classifier"]
    assert len(plan.build().blocks) == 9


@pytest.mark.parametrize("shape", [Shape(1, 8, 8), Shape(16, 9, 13), Shape(3, 512, 512)])
@pytest.mark.parametrize("classes", [2, 1000])
def test_any_image_shape(shape: Shape, classes: int) -> None:
    space = NASBench201(shape, classes, channels=2, cells=1)
    genotype = [4, 2, 1, 3, 0, 4]
    network = built(space, np.array(genotype), 0)
    assert network(torch.zeros(2, *shape, dtype=torch.float64)).shape == (2, classes)
    assert sum(p.numel() for p in network.parameters()) == space.plan(genotype).params()


def test_reduced_keeps_genes_and_widths() -> None:
    space = NASBench201(Shape(3, 32, 48), 10, channels=8, scoring_cells=2, options=OPERATIONS[:3])
    low = space.reduced()
    assert (low.input_shape, low.cells, low.channels, low.options) == (Shape(3, 16, 24), 2, 8, space.options)
    assert space.reduced().reduced().input_shape == low.input_shape


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [
        ((3, 32, 32), None, (16, 16)),
        ((3, 32, 48), 24, (24, 36)),
        ((3, 8, 9), None, (8, 9)),
        ((3, 8, 8), 32, (8, 8)),
        ((1, 8, 24), 4, (4, 12)),
        ((1, 200, 2), 1, (100, 1)),
    ],
)
def test_reduced_images_keep_their_proportions_and_never_grow(
    shape: tuple[int, int, int], size: int | None, expected: tuple[int, int]
) -> None:
    assert NASBench201(Shape(*shape), 10).reduced(size).input_shape == Shape(shape[0], *expected)


@pytest.mark.parametrize("size", [0, -4])
def test_reduced_refuses_images_without_pixels(size: int) -> None:
    with pytest.raises(ProblemFileError, match=f"images of size {size}"):
        NASBench201(Shape(3, 32, 32), 10).reduced(size)


def test_without_none_no_edge_is_dead() -> None:
    options = tuple(name for name in OPERATIONS if name != "none")
    for k in range(1, len(options) + 1):
        space = NASBench201(Shape(3, 32, 32), 10, options=options[-k:])
        for codes in itertools.product(range(k), repeat=len(EDGES)):
            assert tuple(space.without_dead_edges(codes)) == codes


def test_settings_are_registered_and_strict() -> None:
    assert SPACES["nasbench201"] is NASBench201Settings
    chosen = msgspec.convert({"cells": 3, "options": ["skip_connect", "nor_conv_3x3"]}, NASBench201Settings)
    space = chosen.build(Shape(1, 28, 28), 7)
    assert (space.cells, space.options, space.classes) == (3, ("skip_connect", "nor_conv_3x3"), 7)
    assert NASBench201Settings().options == OPERATIONS
    for wrong in ({"cell": 3}, {"cells": 0}, {"options": ["conv"]}, {"options": []}, {"channels": "16"}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, NASBench201Settings)


@pytest.mark.parametrize("wrong", [{"options": ("none", "conv")}, {"options": ("none", "none")}, {"channels": 0}])
def test_impossible_spaces_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ProblemFileError):
        NASBench201(Shape(3, 32, 32), 10, **wrong)


@given(genotypes)
def test_parts_are_the_paths_from_input_to_output(genotype: np.ndarray[Any, Any]) -> None:
    operations = SPACE.operations(genotype)
    ways: list[list[tuple[str, ...]]] = [[()], [], [], []]
    for (source, target), operation in zip(EDGES, operations, strict=True):
        if operation != "none":
            step = () if operation == "skip_connect" else (operation,)
            ways[target] += [way + step for way in ways[source]]
    counts = SPACE.parts(genotype)
    assert {PATHS[i]: int(counts[i]) for i in counts.nonzero()[0]} == Counter(ways[3])
    # Dead edges lie on no path.
    assert np.array_equal(SPACE.parts(SPACE.without_dead_edges(genotype)), counts)
