"""Trajectories of reinforcement learning, as Decision Transformer reads them: returns, states, and actions."""

from __future__ import annotations

import numpy as np

from hfbench_nb.worker.backends.inputs.base import Ask, makes, takes

_is_wanted = takes("states", "actions", "timesteps")


@makes("states", wanted=_is_wanted)
def _states(ask: Ask) -> np.ndarray:
    ask.note("the sequence length counts steps of a trajectory")
    return ask.noise(ask.length, int(ask.config.state_dim))


@makes("actions", wanted=_is_wanted)
def _actions(ask: Ask) -> np.ndarray:
    return ask.noise(ask.length, int(ask.config.act_dim))


@makes("rewards", wanted=_is_wanted)
@makes("returns_to_go", wanted=_is_wanted)
def _returns(ask: Ask) -> np.ndarray:
    return ask.noise(ask.length, 1)


@makes("timesteps", wanted=_is_wanted)
def _steps(ask: Ask) -> np.ndarray:
    """Return the numbers of the steps, shape ``(batch size, sequence length)``."""
    return np.broadcast_to(np.arange(ask.length), (ask.batch_size, ask.length)).copy()
