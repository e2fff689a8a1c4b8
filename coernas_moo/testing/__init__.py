"""Conformance tests that are shipped: subclass one in a pytest file and your extension gets all of them."""
