"""Results as plain data: the result set, its DataFrame, row labels, metrics and environment."""

# Each registers further metrics.
from hfbench_nb.results import (  # noqa: F401
    generation_metrics,
    throughput_metrics,
    training_metrics,
    utilization_metrics,
)
