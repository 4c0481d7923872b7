"""Time series: what was observed, and what is known of past and future."""

from __future__ import annotations

from typing import Any

import numpy as np

from hfbench_nb.worker.backends.inputs.base import Ask, first, makes, takes


def _steps(ask: Ask) -> int:
    """Return how many steps of a series a model reads: its context, and what lies before it at the longest lag."""
    context = first(ask.config, "context_length", "context_len")
    if context is None:
        raise ask.unknown("the length of its series")
    return int(context) + int(max(getattr(ask.config, "lags_sequence", None) or [0]))


def _channels(ask: Ask) -> tuple[int, ...]:
    count = getattr(ask.config, "num_input_channels", None)
    if count is not None:
        return (int(count),)
    size = int(getattr(ask.config, "input_size", None) or 1)
    return (size,) if size > 1 else ()


def _has_future(model: Any) -> bool:
    return takes("past_values", "future_time_features")(model)


@makes("past_values")
def _past(ask: Ask) -> np.ndarray:
    """Return a random series, shape ``(batch size, steps)`` or ``(batch size, steps, channels)``."""
    ask.note(f"no sequence length: series of {_steps(ask)} steps")
    return ask.noise(_steps(ask), *_channels(ask))


@makes("past_observed_mask")
def _observed(ask: Ask) -> np.ndarray:
    return ask.ones(_steps(ask), *_channels(ask))


@makes("past_values_padding")
def _padding(ask: Ask) -> np.ndarray:
    return np.zeros((ask.batch_size, _steps(ask)), np.int64)


@makes("freq")
def _frequency(ask: Ask) -> np.ndarray:
    return np.zeros((ask.batch_size, 1), np.int64)


def _time_features(ask: Ask) -> int:
    return int(ask.config.num_time_features) + int(ask.config.num_dynamic_real_features)


@makes("past_time_features")
def _past_times(ask: Ask) -> np.ndarray:
    return ask.noise(_steps(ask), _time_features(ask))


@makes("future_values", wanted=_has_future)
def _future(ask: Ask) -> np.ndarray:
    return ask.noise(int(ask.config.prediction_length), *_channels(ask))


@makes("future_time_features", wanted=_has_future)
def _future_times(ask: Ask) -> np.ndarray:
    return ask.noise(int(ask.config.prediction_length), _time_features(ask))


@makes("static_real_features", wanted=lambda model: bool(getattr(model.config, "num_static_real_features", 0)))
def _static_numbers(ask: Ask) -> np.ndarray:
    return ask.noise(int(ask.config.num_static_real_features))


@makes(
    "static_categorical_features",
    wanted=lambda model: bool(getattr(model.config, "num_static_categorical_features", 0)),
)
def _static_classes(ask: Ask) -> np.ndarray:
    columns = [ask.generator.integers(max(1, count), size=ask.batch_size) for count in ask.config.cardinality]
    return np.stack(columns, axis=-1)
