"""Any records that both ends share, and a case of them."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from hfbench_nb.protocol.case import LARGEST_SIZE, Case, Settings
from hfbench_nb.protocol.decoding import parse_json

any_texts = st.text(max_size=8).filter(lambda text: text.encode("utf-8", "ignore").decode() == text)
any_names = any_texts.filter(str.strip)
any_values = st.none() | st.booleans() | any_texts | st.integers(-(2**40), 2**40) | st.floats(-1e9, 1e9)
any_settings = st.dictionaries(any_names, any_values, max_size=4).map(Settings)
any_sizes = st.integers(1, LARGEST_SIZE)
any_cases = st.builds(
    Case, any_texts, any_names, st.sampled_from(["inference", "training"]), any_sizes, any_sizes, any_settings
) | st.builds(Case, any_texts, any_names, st.just("function"), settings=any_settings)


def through_json(data):
    return parse_json(json.dumps(data))


CASE = Case("PyTorch", "bert", "training", 8, 32, Settings(dtype="bfloat16", threads=None))
