"""Write SUPPORTED_MODELS.md: the model types tried in both tasks with the Transformers of one or more interpreters.

``python tests/benchmarks/list_models.py PYTHON [PYTHON ...]`` tries every type of ``tests/support/tiny.py`` with each.
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
in both tasks, batch size 2, sequence length 16, on a CPU. The tests repeat that on every change, and compare the output
of a model built the fast way with that of a model built in the ordinary way, with the same weights.
The class is the one that the configuration names; *trained alone* is the class used in training if it names none.

Other types may work as well: inputs and labels follow the model's main input, its forward pass and its configuration.
"""

CANNOT = """
## What cannot be measured, and why

| what | why | what happens |
|:---|:---|:---|
| a length beyond a table of positions (BERT, GPT-2, OPT, BART, Whisper's decoder, CLIP ...) | there are no weights \
for it | `ValueError: sequence_length 1024 is beyond the 512 positions of ...`; rotary and relative positions have \
no limit |
| images of Qwen2-VL and similar models (`image_grid_thw`) | their number of tokens depends on how each image is \
divided | only the text is measured, and the note says so |
| texts with images whose configuration does not say how many tokens represent an image | the text could not contain \
them | `NotImplementedError`, with the class |
| models whose forward pass needs other inputs (boxes of a page, time series, point clouds ...) | the configuration \
does not describe them | `NotImplementedError`, naming the inputs |
| wav2vec 2.0 and similar models in training, fewer frames than `mask_time_length` (10) | the model masks spans of \
that length in training | Transformers' own `ValueError` |
| Reformer in training, a length other than the product of `axial_pos_shape` | its positions have two axes | \
Transformers' own `ValueError` |
| checkpoints with their own code | it runs only with `trust_remote_code=True` | `ValueError`, naming the argument |
| pretraining heads that mask their own input (`Wav2Vec2ForPreTraining`, masked images) | the masks are made outside \
the model | training minimises the mean of the output, and the note says so |
"""


def try_all() -> dict[str, Any]:
    """Try every type with this interpreter's Transformers."""
    import torch
    import transformers
    from support.tiny import TINY, tiny

    from hfbench_nb.protocol.case import Case, Settings
    from hfbench_nb.protocol.registry import resolve
    from hfbench_nb.protocol.request import Method, ModelSpec
    from hfbench_nb.protocol.tasks import TASKS
    from hfbench_nb.worker.backends import load_backend
    from hfbench_nb.worker.backends.pytorch_outputs import first_tensor

    torch.set_num_threads(1)
    backend = load_backend("hfbench_nb.worker.backends.pytorch")
    rows: dict[str, Any] = {}
    for model_type in TINY:
        row: dict[str, Any] = {"result": "yes"}
        unnamed = {name: value for name, value in tiny(model_type).items() if name != "architectures"}
        for key, config, task in (
            ("class", tiny(model_type), "inference"),
            ("trained", tiny(model_type), "training"),
            ("alone", unnamed, "training"),
        ):
            runtime = backend.open(Settings(device="cpu"), Method())
            workload = resolve(TASKS[task].workload)
            try:
                spec = ModelSpec(model_type, config, "test")
                prepared = workload(Case("PyTorch", model_type, task, 2, 16), spec).prepare(runtime)
                assert first_tensor(prepared.call()).isfinite().all(), "not finite"
                row[key] = type(prepared.model).__name__
                if key == "trained":
                    row["loss"], row["note"] = prepared.details["loss"], prepared.note
            except Exception as error:
                row["result"] = f"no ({task}): {type(error).__name__}: {error}"
        rows[model_type] = row
    return {"version": transformers.__version__, "rows": rows}


def page(found: list[dict[str, Any]]) -> str:
    """Return the page for the results of each interpreter."""
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
    """Try all types with each interpreter and write the page."""
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
