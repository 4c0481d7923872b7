"""The configurations of models, as programs of other environments take them."""

from __future__ import annotations

from typing import Any

from hfbench_nb.configurations.lookup import find_model


def settings_of(name: str) -> dict[str, Any]:
    """Return the configuration of a model, with the changes that its name makes."""
    spec = find_model(name)
    return {**spec.config, **spec.overrides}
