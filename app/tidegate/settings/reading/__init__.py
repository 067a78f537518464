"""Reads settings from the environment and the YAML file, as entries with the places where they are written."""
