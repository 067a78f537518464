"""What is wrong with settings, and how that is said."""
