"""What to measure and how: the argument dataclasses, their checks, and the sweep of cases that they span."""
