"""What the notebook and its workers share: cases, requests, measurements, statistics.  Standard library only."""
