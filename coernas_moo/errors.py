"""Errors a user can act on; the command line prints them in one line and exits with code 2."""


class CoernasError(Exception):
    """Something the user gave cannot be used: the message says what, where, and what to do instead."""


class ProblemFileError(CoernasError):
    """A problem file, or a value set on top of it, is not valid."""


class DataError(CoernasError):
    """A data set is missing, broken or too small."""


class GenotypeError(CoernasError):
    """A genotype, as numbers or as text, does not belong to the search space."""


class ModelError(CoernasError):
    """A model directory or checkpoint cannot be used, or a network cannot be trained."""


class RunWarning(UserWarning):
    """A run goes on, but its result may differ from what it would have been."""


class ExtensionWarning(UserWarning):
    """Another package's extension cannot be loaded, and is left out."""


class RunError(CoernasError):
    """A run directory cannot be created, locked, resumed or read."""


class ExportError(CoernasError):
    """A network cannot be exported, or an exported file cannot be used."""
