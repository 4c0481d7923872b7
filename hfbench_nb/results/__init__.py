"""Results as plain data: the result set, its DataFrame, row labels, metrics and environment."""
