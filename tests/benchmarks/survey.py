"""Measure every model type that Transformers knows, small, in both tasks; ``make survey`` runs it with both majors.

    python tests/benchmarks/survey.py --folder FOLDER [--types bert gpt2 ...] [--again]

Each type's default configuration is shrunk (``tests/support/shrinking.py``), and its bare model is tried first
(``bare_model.py``), so that what Transformers itself cannot run is counted apart.  FOLDER gets ``rows.jsonl``, a row a
type, as they are finished; a survey that was stopped goes on where it was.  ``survey.md`` and ``survey.json``
count them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.update({"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "USE_TF": "0", "TRANSFORMERS_VERBOSITY": "error"})
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import survey_report
from bare_model import BATCH, LENGTH, in_child, try_bare
from support.shrinking import LEVELS, shrink

# Larger configurations would end no better.
FINAL = ("ValueError: no model class", "MemoryError", "ImportError", "timeout", "crashed")
BARE_LIMIT_S, MEASURING_LIMIT_S = 20.0, 120.0
TASKS = ("inference", "training")


def prepare(folder: Path) -> None:
    """Import once what every bare model needs, and keep the locks of this survey apart from those of other runs."""
    import tempfile

    import torch
    import transformers.modeling_utils
    import transformers.models.auto.modeling_auto

    torch.set_num_threads(1)
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder / "tmp")
    (folder / "tmp").mkdir(exist_ok=True)
    with torch.device("meta"):
        transformers.BertModel(transformers.BertConfig(num_hidden_layers=1))


def survey(types: list[str], rows_file: Path, *, again: bool) -> None:
    """Try and measure each type that is not in the file, or each if `again`, and add its row to the file."""
    done = set() if again else {row["type"] for row in survey_report.read_rows(rows_file)}
    left = [name for name in types if name not in done]
    with open(rows_file, "a", encoding="utf-8") as file:
        for number, model_type in enumerate(left, 1):
            began = time.monotonic()
            row = survey_type(model_type)
            row["seconds"] = round(time.monotonic() - began, 1)
            file.write(json.dumps(row) + "\n")
            file.flush()
            print(f"{number}/{len(left)} {survey_report.line(row)}", flush=True)


def survey_type(model_type: str) -> dict[str, Any]:
    """Return the row of one type: the bare model and both tasks, of the smallest configuration whose bare model runs.

    If none runs, the smallest that can be made is measured nevertheless: the bare model is called with guesses.
    """
    from transformers import CONFIG_MAPPING

    tried = []
    for level in LEVELS:
        try:
            config = shrink(CONFIG_MAPPING[model_type], level)
        except Exception as error:
            tried.append((level, None, {"error": f"{type(error).__name__}: {error}"[:400], "at": "configuration"}))
            continue
        bare = in_child(lambda config=config: try_bare(config), BARE_LIMIT_S)
        tried.append((level, config, bare))
        if "error" not in bare or bare["error"].startswith(FINAL):
            break
    best = [of for of in tried if "error" not in of[2]] or [of for of in tried if of[1] is not None] or tried
    level, config, bare = best[0]
    row = {"type": model_type, "level": level, "bare": bare}
    return row if config is None else {**row, **measure(model_type, config)}


def measure(model_type: str, config: Any) -> dict[str, Any]:
    """Measure both tasks with hfbench_nb; return what came back for each."""
    from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments

    args = PyTorchBenchmarkArguments(
        models=[model_type], batch_sizes=[BATCH], sequence_lengths=[LENGTH], training=True, memory=False,
        max_seconds=0.001, precision=0.9, timeout_s=MEASURING_LIMIT_S, device="cpu", threads=1, verbose=False,
    )  # fmt: skip
    try:
        entries = PyTorchBenchmark(args, configs=[config]).run().entries
    except Exception as error:
        refused = {"status": "refused", "error_type": type(error).__name__, "message": str(error)[:600]}
        return dict.fromkeys(TASKS, refused)
    return {case.task: plain(measurement) for case, measurement in entries}


def plain(measurement: Any) -> dict[str, Any]:
    found = {"status": measurement.status, "note": measurement.note}
    found["class"] = getattr(measurement.model_facts, "model_class", "")
    found["loss"] = measurement.details.get("loss", "")
    if measurement.failure is not None:
        failure = measurement.failure
        found.update(error_type=failure.error_type, message=failure.message[:600], traceback=failure.traceback[-1500:])
    return found


def main() -> None:
    """Survey the types that are named, or all, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="where rows and report are written")
    parser.add_argument("--types", nargs="+", metavar="TYPE", help="the types; all of CONFIG_MAPPING by default")
    parser.add_argument("--again", action="store_true", help="survey types that have a row, too")
    parser.add_argument("--report-only", action="store_true", help="write the report of the rows that there are")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    rows_file = given.folder / "rows.jsonl"
    import transformers

    if not given.report_only:
        prepare(given.folder)
        types = list(transformers.CONFIG_MAPPING.keys())
        if unknown := set(given.types or ()) - set(types):
            parser.error(f"--types: Transformers {transformers.__version__} does not know {', '.join(sorted(unknown))}")
        survey(given.types or types, rows_file, again=given.again)
    rows = survey_report.read_rows(rows_file)
    survey_report.write(rows, transformers.__version__, given.folder)
    print(survey_report.counts_text(rows))


if __name__ == "__main__":
    main()
