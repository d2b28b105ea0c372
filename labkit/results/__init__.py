"""Results on disk: the document, and how it is written, read, located and listed."""
