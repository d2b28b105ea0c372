"""Saved results, read back: the inverse of `labkit.results.document` and `labkit.results.load_document`."""
