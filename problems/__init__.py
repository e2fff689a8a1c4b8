"""Problem files that come with the package; `coernas problems` lists them."""
