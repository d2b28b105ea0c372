"""Saved results, read back: the inverse of `labkit.document` and `labkit.load.document`."""
