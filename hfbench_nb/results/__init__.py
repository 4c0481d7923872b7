"""Results as plain data: the result set, its DataFrame, row labels, metrics and environment."""

# Each registers the metrics of a task.
from hfbench_nb.results import generation_metrics, training_metrics  # noqa: F401
