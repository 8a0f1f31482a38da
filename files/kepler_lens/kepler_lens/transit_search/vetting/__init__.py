"""Tell planets from what looks like planets."""
