"""Source of a Python module from a network's plan: classes for its units, a `forward` that reads as if by hand."""
