"""What can be searched: segments of genes, and how a genotype becomes a network."""

from coernas_moo.spaces.nasbench201 import NASBench201, NASBench201Settings
from coernas_moo.spaces.segment import Segment
from coernas_moo.spaces.separable import SeparableSettings, SeparableSpace
from coernas_moo.spaces.settings import SPACES, SpaceSettings
from coernas_moo.spaces.space import Genotype, SearchSpace

__all__ = [
    "SPACES",
    "Genotype",
    "NASBench201",
    "NASBench201Settings",
    "SearchSpace",
    "Segment",
    "SeparableSettings",
    "SeparableSpace",
    "SpaceSettings",
]
