"""The sections of the settings, one per file: each setting with its default, its limits and its description."""
