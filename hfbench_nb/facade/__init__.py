"""The results that users work with: `BenchmarkResults` (data with its views as methods), and loading from files."""
