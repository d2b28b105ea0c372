"""The timeline: the shared parts of the formats that show it."""
