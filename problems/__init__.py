"""Problem files shipped with the package."""
