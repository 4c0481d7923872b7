"""Let every model type that has a class for it generate, small; ``make survey`` runs it with both majors.

    python tests/benchmarks/survey_generation.py --folder FOLDER [--types gpt2 t5 ...] [--again]

FOLDER has the rows of ``survey.py``: each type whose bare model runs generates from the configuration that was measured
there, and its row gets an entry ``generation``, empty for a type without a class that generates.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import survey_report
from bare_model import BATCH, LENGTH
from survey import MEASURING_LIMIT_S, plain, prepare, shrink

NEW_TOKENS = 4


def survey(rows_file: Path, types: list[str] | None, *, again: bool) -> None:
    """Let the types of the file generate, each or those that have not, and add their rows to the file."""
    rows = [row for row in survey_report.read_rows(rows_file) if types is None or row["type"] in types]
    left = [row for row in rows if "error" not in row["bare"] and (again or "generation" not in row)]
    with open(rows_file, "a", encoding="utf-8") as file:
        for number, row in enumerate(left, 1):
            row["generation"] = generate(row["type"], row["level"])
            file.write(json.dumps(row) + "\n")
            file.flush()
            found = row["generation"]
            told = f"{found.get('status', 'has no class that generates')} {found.get('message', '')[:160]}"
            print(f"{number}/{len(left)} {row['type']}: {told}", flush=True)


def generate(model_type: str, level: str) -> dict[str, Any]:
    """Measure the generation of a type; return what came back, nothing if no class of it generates."""
    from transformers import CONFIG_MAPPING

    from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments

    config = shrink(CONFIG_MAPPING[model_type], level)
    if not _generates(config):
        return {}
    args = PyTorchBenchmarkArguments(
        models=[model_type], batch_sizes=[BATCH], sequence_lengths=[LENGTH], new_tokens=NEW_TOKENS, generation=True,
        inference=False, max_seconds=0.001, precision=0.9, timeout_s=MEASURING_LIMIT_S, device="cpu", threads=1,
    )  # fmt: skip
    try:
        ((_, measurement),) = PyTorchBenchmark(args, configs=[config]).run().entries
    except Exception as error:
        return {"status": "refused", "error_type": type(error).__name__, "message": str(error)[:600]}
    return {**plain(measurement), "cache_mb": measurement.metrics.get("kv_cache_mb")}


def _generates(config: Any) -> bool:
    """Return whether Transformers maps the configuration to a class that generates text."""
    import transformers.models.auto.modeling_auto as auto

    from hfbench_nb.protocol.model_kinds import CLASS_MAPPINGS, GENERATIVE

    mappings = [getattr(auto, name) for name in CLASS_MAPPINGS[GENERATIVE] if hasattr(auto, name)]
    return any(type(config) in mapping for mapping in mappings)


def main() -> None:
    """Let the types that are named generate, or all, and write the report."""
    import transformers

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="where the rows of the survey are")
    parser.add_argument("--types", nargs="+", metavar="TYPE", help="the types; all that have a row by default")
    parser.add_argument("--again", action="store_true", help="types that have generated, too")
    given = parser.parse_args()
    prepare(given.folder)
    rows_file = given.folder / "rows.jsonl"
    survey(rows_file, given.types, again=given.again)
    survey_report.write(survey_report.read_rows(rows_file), transformers.__version__, given.folder)


if __name__ == "__main__":
    main()
