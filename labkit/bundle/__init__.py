"""Bundles: one file with all that a machine needs to run the lab without a network.

A bundle is a zip that Python can run: ``python FILE`` unpacks it. `packing` makes one from `files`, `image` and
`wheels`; `unpacking` checks one and stages it. `manifest` says what is in it, `sealed` is the file, `paths` are the
names that its members may have.

What unpacks needs the standard library alone, and runs from inside the file.
"""
