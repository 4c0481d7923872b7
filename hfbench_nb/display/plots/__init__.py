"""Plots take results and return Axes; they measure nothing.

Every one draws on the axes that it is given, or on those of a new pyplot figure, which a notebook shows once.  Figures
have white faces, in dark themes too.

- `curves`: a figure against sequence length or batch size, a line a model; `bars`: the same where there is one length.
- `memory_bars`: what peak memory is made of; `line_memory`: memory along a traced run.
- `ratios`: two runs compared.
- `style`: colours, markers, ticks; `layout`: room for legends and names.
"""

from hfbench_nb.display.plots.curves import plot
from hfbench_nb.display.plots.line_memory import plot_summary
from hfbench_nb.display.plots.memory_bars import plot_memory
from hfbench_nb.display.plots.style import PALETTE

__all__ = ["PALETTE", "plot", "plot_memory", "plot_summary"]
