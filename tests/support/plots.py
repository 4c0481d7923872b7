"""What plots of results are made of and what can be read in them."""

from __future__ import annotations

from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.timing import Timing
from support.measured import LENGTHS, case_of, failed, results_of

LONG = [f"organisation-{i % 3}/a-very-long-name-of-a-model-uncased-finetuned-v{i}" for i in range(20)]


def timed(model, sequence_length, samples_s, batch_size=8):
    return case_of(model, batch_size=batch_size, sequence_length=sequence_length), Measurement("ok", Timing(samples_s))


def all_failed(models):
    return results_of(*((case_of(m, sequence_length=n), failed()) for m in models for n in LENGTHS))


def legend_labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def row_names(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def texts_beside(ax):
    return [text.get_text() for text in ax.texts]


def parts_mb(ax, row):
    return [round(bar.get_width()) for bar in ax.patches if bar.get_width() and round(bar.get_y() + 0.31) == row]
