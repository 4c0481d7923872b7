"""What a worker runs for each task: one module per task, named by its entry in `hfbench_nb.protocol.tasks`."""
