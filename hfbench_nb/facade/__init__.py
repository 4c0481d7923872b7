"""The results that users hold: `BenchmarkResults` binds data and views, and loading brings them back from files."""
