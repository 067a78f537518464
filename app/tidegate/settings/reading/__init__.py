"""Where settings are read: environment, YAML file, and the names and places of every one."""
