"""Seeds: how large one may be."""

LARGEST_SEED = 2**63 - 1
"""What every generator takes, torch's and numpy's alike; TOML's whole numbers end there too."""
