"""What a search reads from Warp 10 and writes to it."""
