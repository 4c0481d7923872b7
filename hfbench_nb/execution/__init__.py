"""Running a sweep: the benchmark classes, executors and their processes, progress, and the machine lock."""
