"""The search: a pymoo problem, segment-aware operators, HD-DUAAS, the run loop, the run's directory."""

from pymoo.config import Config

# pymoo prints the warning to stdout, where it would stand in the middle of JSON; `coernas doctor` says it instead.
Config.warnings["not_compiled"] = False
