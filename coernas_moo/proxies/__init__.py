"""Training-free proxies, and their fusion into one score.

A `Proxy` is a pure function of one trace: of what one forward and one backward pass through any `torch.nn.Module` left
behind. A `NetworkProxy` runs the module by itself; some of the `classic` ones do. Proxies know no search space.
"""

from coernas_moo.proxies import classic
from coernas_moo.proxies.feature_map import (
    FeatureMap,
    mean_effective_ranks,
    mean_log_channels,
    mean_log_sphericities,
)
from coernas_moo.proxies.fusion import fuse, fuse_proxies
from coernas_moo.proxies.isotropy import isotropy
from coernas_moo.proxies.observe import find_blocks
from coernas_moo.proxies.proxy import (
    PROXIES,
    AnyProxy,
    Direction,
    NetworkNeed,
    NetworkProxy,
    Proxy,
    register_network_proxy,
    register_proxy,
)
from coernas_moo.proxies.regularity import regularity
from coernas_moo.proxies.robustness import robustness
from coernas_moo.proxies.scoring import DIMENSIONS, Score, repeat_seed, score
from coernas_moo.proxies.spectrum import effective_rank_fraction, log_sphericity
from coernas_moo.proxies.trace import Trace, TracePart, trace
from coernas_moo.proxies.uncertainty import uncertainty

__all__ = [
    "DIMENSIONS",
    "PROXIES",
    "AnyProxy",
    "Direction",
    "FeatureMap",
    "NetworkNeed",
    "NetworkProxy",
    "Proxy",
    "Score",
    "Trace",
    "TracePart",
    "classic",
    "effective_rank_fraction",
    "find_blocks",
    "fuse",
    "fuse_proxies",
    "isotropy",
    "log_sphericity",
    "mean_effective_ranks",
    "mean_log_channels",
    "mean_log_sphericities",
    "register_network_proxy",
    "register_proxy",
    "regularity",
    "repeat_seed",
    "robustness",
    "score",
    "trace",
    "uncertainty",
]
