"""Write SUPPORTED_MODELS.md: what was tried, in both tasks, with the Transformers of one or more interpreters.

``python tests/benchmarks/list_models.py PYTHON [PYTHON ...]`` tries every type of ``tests/tiny.py`` with each of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "SUPPORTED_MODELS.md"
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

HEAD = """# Model types that were tried

Written by `tests/benchmarks/list_models.py`; do not edit it. Each type was built from a tiny configuration and measured
in both tasks, batch size 2, sequence length 16, on a CPU. `tests/test_families.py` repeats that on every change, and
compares what a model built the fast way computes with what an ordinarily built one does, with the same weights.
The class is the one that the configuration names; *trained alone* is the class without such a name, in training.

Other types may work as well: inputs and labels follow the model's main input, its forward pass and its configuration.
"""

CANNOT = """
## What cannot be measured, and why

| what | why | what happens |
|:---|:---|:---|
| a length beyond a table of positions (BERT, GPT-2, OPT, BART, Whisper's decoder, CLIP ...) | there are no weights \
for it | `ValueError: sequence_length 1024 is beyond the 512 positions of ...`; rotary and relative positions have \
no end |
| images of Qwen2-VL and its kin (`image_grid_thw`) | their number of tokens depends on how each image is cut up | the \
text alone is measured, and the note says so |
| texts with images whose configuration does not tell how many tokens stand for an image | the text could not hold \
them | `NotImplementedError`, with the class |
| models whose forward pass needs other inputs (boxes of a page, time series, point clouds ...) | what they look like \
is not in the configuration | `NotImplementedError`, naming the inputs |
| wav2vec 2.0 and its kin in training, fewer frames than `mask_time_length` (10) | the model masks spans of that \
length in training | Transformers' own `ValueError` |
| Reformer in training, a length other than the product of `axial_pos_shape` | its positions have two axes | \
Transformers' own `ValueError` |
| checkpoints with code of their own | it runs only with `trust_remote_code=True` | `ValueError`, naming the argument |
| pretraining heads that mask their own input (`Wav2Vec2ForPreTraining`, masked images) | the masks are made outside \
the model | training minimises the mean of the output, and the note says so |
"""


def try_all() -> dict[str, Any]:
    """Try every type with this interpreter's Transformers."""
    import torch
    import transformers
    from tiny import TINY, tiny

    from hfbench_nb.protocol.records import Cell, ModelSpec, Settings
    from hfbench_nb.worker.backends import load_backend
    from hfbench_nb.worker.backends.pytorch_models import first_tensor

    torch.set_num_threads(1)
    backend = load_backend("PyTorch")
    rows: dict[str, Any] = {}
    for model_type in TINY:
        row: dict[str, Any] = {"result": "yes"}
        unnamed = {name: value for name, value in tiny(model_type).items() if name != "architectures"}
        for key, config, task in (
            ("class", tiny(model_type), "inference"),
            ("trained", tiny(model_type), "training"),
            ("alone", unnamed, "training"),
        ):
            runtime = backend.open(Settings(device="cpu"))
            try:
                model = runtime.build(ModelSpec(model_type, config, "test"), task, lambda: None)
                output = first_tensor(runtime.make_call(model, Cell("PyTorch", model_type, task, 2, 16))())
                assert output.isfinite().all(), "not finite"
                row[key] = type(model).__name__
                if key == "trained":
                    row["loss"], row["note"] = runtime.details["loss"], runtime.details.get("note", "")
            except Exception as error:
                row["result"] = f"no ({task}): {type(error).__name__}: {error}"
        rows[model_type] = row
    return {"version": transformers.__version__, "rows": rows}


def page(found: list[dict[str, Any]]) -> str:
    """Give the page for what each interpreter found."""
    versions = [of["version"] for of in found]
    lines = [
        f"| model type | class | trained alone | minimised in training | {' | '.join(versions)} | note |",
        "|:---|:---|:---|:---|" + ":---|" * len(versions) + ":---|",
    ]
    for model_type in dict.fromkeys(name for of in found for name in of["rows"]):
        rows = [of["rows"][model_type] for of in found]
        known = {key: value for row in reversed(rows) for key, value in row.items()}
        cells = [known.get(key, "") for key in ("class", "alone", "loss")]
        lines.append(
            f"| `{model_type}` | {' | '.join(cells)} | {' | '.join(row['result'] for row in rows)} | "
            f"{known.get('note', '')} |"
        )
    return "\n".join([HEAD, *lines, CANNOT])


def main(pythons: list[str]) -> None:
    """Try all with each interpreter and write the page."""
    found = []
    for python in pythons:
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "USE_TF": "0"}
        command = [python, __file__, "--try"]
        text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
        found.append(json.loads(text.splitlines()[-1]))
    TARGET.write_text(page(found), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["--try"]:
        print(json.dumps(try_all()))
    else:
        main(sys.argv[1:] or [sys.executable])
