"""The subcommands of `tidegate`, one file each."""
