"""Training-free proxies of the literature, one file each, as their authors define them.

Those that read one forward and one backward pass take a trace and share it; the others run the network themselves.
Where the authors start from torch's default initialisation, the weights here are He normal like everybody's; a proxy
whose definition asks for weights of its own draws them (Zen).
"""

from coernas_moo.proxies.classic.az_nas import (
    az_complexity,
    az_expressivity,
    az_progressivity,
    az_trainability,
)
from coernas_moo.proxies.classic.epads import epads
from coernas_moo.proxies.classic.flops import flops
from coernas_moo.proxies.classic.grad_norm import grad_norm
from coernas_moo.proxies.classic.grad_sign import grad_sign
from coernas_moo.proxies.classic.grasp import grasp
from coernas_moo.proxies.classic.jacob_cov import jacob_cov
from coernas_moo.proxies.classic.lcmnas import lcmnas
from coernas_moo.proxies.classic.meco import meco
from coernas_moo.proxies.classic.naswot import naswot
from coernas_moo.proxies.classic.near import near
from coernas_moo.proxies.classic.params import params
from coernas_moo.proxies.classic.snip import snip
from coernas_moo.proxies.classic.synflow import synflow
from coernas_moo.proxies.classic.vkdnw import vkdnw
from coernas_moo.proxies.classic.zen import zen
from coernas_moo.proxies.classic.zico import zico

__all__ = [
    "az_complexity",
    "az_expressivity",
    "az_progressivity",
    "az_trainability",
    "epads",
    "flops",
    "grad_norm",
    "grad_sign",
    "grasp",
    "jacob_cov",
    "lcmnas",
    "meco",
    "naswot",
    "near",
    "params",
    "snip",
    "synflow",
    "vkdnw",
    "zen",
    "zico",
]
