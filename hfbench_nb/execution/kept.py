"""What a run leaves that has ended early, and how to go on with it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hfbench_nb.execution.rounds import Rounds
from hfbench_nb.protocol.errors import RunInterrupted
from hfbench_nb.rendering.units import counted


@dataclass(frozen=True)
class Kept:
    """What a run that has ended early leaves; as text, what it is, where it is, and how to go on.

    Attributes
    ----------
    whole
        How many cases are measured in all of their rounds.
    in_part
        The numbers of rounds of those that are measured in some.
    planned
        How many cases there are; None of a search, whose cases are found on the way.
    folder
        Where they are stored, if anywhere.
    """

    whole: int
    in_part: Sequence[int]
    planned: int | None
    folder: Path | None

    @classmethod
    def of(cls, rounds: Rounds, planned: int | None, folder: Path | None) -> Kept:
        """Return what the rounds of a run leave."""
        measured = [(case, taken.each_round) for case, taken, _ in rounds.finished() if taken.succeeded]
        in_part = [
            sum(each.succeeded for each in taken)
            for case, taken in measured
            if rounds.left(case) or any(each.status == "cancelled" for each in taken)
        ]
        return cls(len(measured) - len(in_part), in_part, planned, folder)

    @property
    def told(self) -> str:
        """What is measured."""
        cases = counted(self.whole, "probe") if self.planned is None else f"{self.whole} of {self.planned} cases"
        part = f", {len(self.in_part)} in part ({counted(sum(self.in_part), 'round')})" if self.in_part else ""
        return f"{cases} {'is' if self.whole == 1 else 'are'} measured{part}."

    @property
    def _rest(self) -> str:
        return "the rest" if self.whole or self.in_part else "them"

    def __str__(self) -> str:
        at = "" if self.folder is None else repr(str(self.folder))
        places = f"the benchmark's .results{at and f' and in hfbench_nb.load_results({at})'}"
        call = "run(" if self.planned is not None else "find_largest(..., "
        kept = f" What is measured is in {places}." if self.whole or self.in_part else ""
        return f"{self.told}{kept}{at and f' {call}resume={at}) measures {self._rest}.'}"

    def in_shell(self) -> str:
        """Return the same in the words of the shell."""
        if self.folder is None:
            return self.told
        path = shlex.quote(str(self.folder))
        kept = f" What is measured is in {path}." if self.whole or self.in_part else ""
        return f"{self.told}{kept} The same command with --resume {path}, and without --folder, measures {self._rest}."

    def interruption(self) -> RunInterrupted:
        """Return the error for a run that the user has interrupted."""
        return RunInterrupted(f"Interrupted: {self}", for_shell=f"Interrupted: {self.in_shell()}")
