"""The timeline: what the formats that show it have in common."""
