"""One section of the settings per file, with its defaults and limits."""
