"""Measure the tool itself; ``make bench`` runs it.  Ratios within one run: the machine may be shared and slow.

    python tests/benchmarks/run.py [SECTION ...]

Prints Markdown as it goes, and writes it to ``bench.md``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import achieved
import building
import caller
import cases
import cluster
import differences
import estimates
import generation
import gpu
import profiles
import repeats
import results_speed
import shortcomings
import sweep
import thousand
import training
import truth
import weights
import why_slow
from report import Report, Section, machine

from hfbench_nb.execution.servers import close_all

FILE = Path(__file__).resolve().parents[2] / "bench.md"
SECTIONS = [
    Section("import", "Import", cases.import_time),
    Section("cases", "The fixed cost of a case", cases.cost_of_a_case),
    Section("thousand", "A thousand cases", thousand.thousand_cases),
    Section("results", "Showing results", results_speed.speed_of_results),
    Section("building", "Building a model", building.speed_of_building),
    Section("caller", "The caller and a bare script", caller.caller),
    Section("repeats", "Memory that repeats", repeats.memory_repeats),
    Section("differences", "Differences that can be trusted", differences.differences),
    Section("truth", "Times that are known", truth.truth),
    Section("weights", "Weights that are known", weights.weights_of_the_catalogue),
    Section("generation", "Generation", generation.generation),
    Section("training", "Training", training.training),
    Section("achieved", "What models compute, and which share of the machine they use", achieved.achieved),
    Section("why", "What is faster, and why something is slower", why_slow.why_slow, ("case", "measured", "why")),
    Section("estimate", "Estimates, and the largest that fits", estimates.estimates),
    Section("profile", "Where the time goes", profiles.profiles),
    Section("cluster", "On a cluster", cluster.cluster),
    Section("gpu", "On a GPU", gpu.gpu),
    Section("sweep", "The documentation's sweep", sweep.documentation_sweep),
    Section("peers", "What each tool gets wrong", shortcomings.shortcomings, shortcomings.COLUMNS),
]


def main() -> None:
    """Run the sections that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [section.name for section in SECTIONS]
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(names)}; all by default")
    chosen = parser.parse_args().sections
    if unknown := set(chosen) - set(names):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    with open(FILE, "w", encoding="utf-8") as file:
        report = Report(file)
        report.line("# hfbench_nb, measured\n")
        for line in machine():
            report.line(line)
        for section in SECTIONS:
            if not chosen or section.name in chosen:
                report.section(section)
                close_all()


if __name__ == "__main__":
    main()
