"""Bundles: one file with everything that a machine without a network needs to run the lab.

A bundle is a zip that Python can run: ``python FILE`` unpacks it. `packing` writes one from `files`, `image` and
`wheels`; `unpacking` checks one and extracts it. `manifest` describes the content, `sealed` is the file format, `paths`
are the allowed names of members.

Unpacking uses the standard library only, and runs from inside the file.
"""
