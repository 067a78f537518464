"""Where backends come from: one source per file."""
