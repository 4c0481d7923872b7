"""Making a control panel from arguments or values."""

from __future__ import annotations

from typing import Any

from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.arguments.fields import differing
from hfbench_nb.arguments.frameworks import check_arguments, framework_named, framework_of
from hfbench_nb.frontends.widgets.control_panel import Panel
from hfbench_nb.protocol.errors import ArgumentError

# What a panel shows that was asked for nothing else: Run works at once.
_START: dict[str, Any] = {
    "models": ["sentence-transformers/all-MiniLM-L6-v2"],
    "batch_sizes": [1],
    "sequence_lengths": [8, 32, 128],
}


def panel(args: BenchmarkArguments | None = None, *, framework: str = "PyTorch", **values: Any) -> Panel:
    """Make a control panel for a notebook.

    Parameters
    ----------
    args
        Arguments that the form shows initially; alternatively, give single values.
    framework
        ``PyTorch`` or ``TensorFlow``.
    **values
        Values of the arguments' fields, such as ``models=["gpt2"]`` and ``batch_sizes=[1]``. Without a model, the form
        shows a small one of the catalogue.

    Returns
    -------
    Panel
        Displayed if it is the value of a notebook cell.

    Raises
    ------
    ArgumentError
        If a value cannot be used.

    Examples
    --------
    >>> import hfbench_nb
    >>> hfbench_nb.panel(models=["gpt2"], batch_sizes=[1]).args.batch_sizes
    [1]
    """
    if args is not None:
        if values:
            raise ArgumentError(f"args and {', '.join(values)} were given: give one or the other.", "args", *values)
        check_arguments(args)
        args.check()
        chosen = framework_of(args)
        assert chosen is not None
        return Panel(chosen.name, differing(args))
    named = framework_named(framework)
    checked = named.arguments_class(**values)
    values = {name: getattr(checked, name, value) for name, value in values.items()}  # a single model as a list
    return Panel(named.name, values if "models" in values else {**_START, **values})
