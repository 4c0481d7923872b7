"""What is said of a run that has ended early."""

from pathlib import Path

import pytest

from hfbench_nb.execution.kept import Kept

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("kept", "python", "shell"),
    [
        (Kept(0, [], 2, None), "0 of 2 cases are measured.", "0 of 2 cases are measured."),
        (
            Kept(0, [], 2, Path("a")),
            "0 of 2 cases are measured. run(resume='a') measures them.",
            "0 of 2 cases are measured. The same command with --resume a, and without --folder, measures them.",
        ),
        (
            Kept(1, [1], 3, None),
            "1 of 3 cases is measured, 1 in part (1 round). What is measured is in the benchmark's .results.",
            "1 of 3 cases is measured, 1 in part (1 round).",
        ),
        (
            Kept(2, [], None, Path("a")),
            "2 probes are measured. What is measured is in the benchmark's .results and in "
            "hfbench_nb.load_results('a'). find_largest(..., resume='a') measures the rest.",
            "2 probes are measured. What is measured is in a. The same command with --resume a, and without --folder, "
            "measures the rest.",
        ),
    ],
)
def test_in_python_and_in_the_shell(kept, python, shell):
    assert str(kept) == python
    assert kept.in_shell() == shell
