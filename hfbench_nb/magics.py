"""The IPython magics: ``%load_ext hfbench`` gives ``%hfbench`` and ``%hfbench_env``."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class

from hfbench_nb.arguments import BenchmarkArguments
from hfbench_nb.errors import HfbenchError
from hfbench_nb.options import HelpShown, parse

if TYPE_CHECKING:
    from hfbench_nb.results import BenchmarkResults


@magics_class
class HfbenchMagics(Magics):
    """Benchmarks from a notebook's cell."""

    @line_magic
    def hfbench(self, line: str) -> BenchmarkResults | None:
        """Measure models: ``%hfbench pytorch --models gpt2 --sequence_lengths 8 32``.

        Takes every option of the shell's ``hfbench pytorch``; ``--help`` lists them.  The results are the value of
        the line: they show as tables, and ``results = %hfbench ...`` keeps them.
        """
        try:
            command = parse(shlex.split(line) or ["--help"])
            if not isinstance(command, BenchmarkArguments):
                raise UsageError(
                    "%hfbench measures: its first word is a framework, as in %hfbench pytorch --models ..."
                )
            from hfbench_nb.runner import make_benchmark

            return make_benchmark(command).run()
        except HelpShown as shown:
            if shown.code:
                raise UsageError(shown.text) from None
            print(shown.text)
            return None
        except (HfbenchError, ValueError) as error:
            raise UsageError(str(error)) from None

    @line_magic
    def hfbench_env(self, line: str) -> Any:
        """Show the environment in which PyTorch models would be measured."""
        from hfbench_nb.cli import main

        main(["env"])


def load_ipython_extension(ipython: Any) -> None:
    """Register the magics; ``%load_ext hfbench`` calls this."""
    ipython.register_magics(HfbenchMagics)
