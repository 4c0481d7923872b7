"""Plots take results and return Axes; they measure nothing.

But for `interactive`, each draws on the given axes, or on those of a new pyplot figure, which a notebook shows once.
Figures have a white background, also in dark themes.

- `curves`: a metric against sequence length, batch size or another axis, one line per model and setting, drawn by
  `lines` in the styles that `series` chooses; `bars`: the same if there is only one place.
- `memory_bars`: what peak memory is made of; `line_memory`: memory along a traced run; `profiles`: where the time of
  calls goes; `roofline`: cases on the roofline of their machine.
- `interactive`: the curves again, to point at, by Altair.
- `ratios`: two runs compared; `tokens`: the time of each token along a generation.
- `style`: colours, markers, ticks; `layout`: room for legends and names, several axes; `headings`: what is said above.
"""

from hfbench_nb.display.plots.curves import plot
from hfbench_nb.display.plots.interactive import plot_interactive
from hfbench_nb.display.plots.memory_bars import plot_memory
from hfbench_nb.display.plots.profiles import plot_profiles
from hfbench_nb.display.plots.roofline import plot_roofline
from hfbench_nb.display.plots.style import PALETTE
from hfbench_nb.display.plots.tokens import plot_tokens

__all__ = ["PALETTE", "plot", "plot_interactive", "plot_memory", "plot_profiles", "plot_roofline", "plot_tokens"]
