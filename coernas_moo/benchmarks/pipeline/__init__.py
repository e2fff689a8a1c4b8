"""The whole pipeline as a benchmark: one search, picks and well-known networks trained and judged alike."""
