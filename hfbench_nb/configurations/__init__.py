"""From a model's name to its configuration: lookup, overrides, and the built-in catalogue."""
