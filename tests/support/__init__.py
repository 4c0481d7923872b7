"""What several test modules and the scripts that they start need; the folder `tests` is on their module search path."""
