"""Published runs, what a printed report keeps of results, and its parts."""

from __future__ import annotations

NAMES = [
    "bert-base-uncased-pytorch",
    "bert-base-uncased-tensorflow",
    "bert-configurations-pytorch",
    "bert-configurations-tensorflow",
]


def read_back(results):
    """What of each case must come back: time, bytes, status, and why something is missing."""
    return {
        c: (m.timing and m.timing.median_s, m.memory and m.memory.peak_bytes, m.status, m.failure and str(m.failure))
        for c, m in results.entries
    }


def headings(report):
    return [line.strip("= ") for line in report.splitlines() if line.startswith("=====")]


def rules(report):
    return [line for line in report.splitlines() if line.startswith("-----")]


def rows_of(report, name):
    return [line.split() for line in report.splitlines() if line.strip().startswith(name)]
