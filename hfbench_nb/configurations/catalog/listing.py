"""Listing the catalogue as a DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hfbench_nb.configurations.catalog import Checkpoint, all_names, checkpoints
from hfbench_nb.protocol.errors import ModelNotFoundError
from hfbench_nb.protocol.measurement import MEGABYTE
from hfbench_nb.rendering.keywords import refuse_unknown_keywords
from hfbench_nb.rendering.suggestions import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("model", "family", "task", "parameters", "float32_mb", "float16_mb", "bfloat16_mb", "positions")

# The task of a model, by the end of the class name in its configuration; the first match applies.
_TASKS = (
    ("ForMaskedLM", "masked language model"),
    ("XLMWithLMHeadModel", "masked language model"),
    ("ForCausalLM", "causal language model"),
    ("LMHeadModel", "causal language model"),
    ("WhisperForConditionalGeneration", "speech to text"),
    ("Gemma3ForConditionalGeneration", "image and text to text"),
    ("ForConditionalGeneration", "text to text"),
    ("MTModel", "text to text"),
    ("ForCTC", "speech to text"),
    ("ForImageClassification", "image classification"),
    ("ForSequenceClassification", "text classification"),
    ("ForTokenClassification", "token classification"),
    ("ForQuestionAnswering", "question answering"),
    ("ForPreTraining", "pretraining"),
    ("CLIPModel", "text and image"),
)
# Bytes of one parameter in each data type.
_ELEMENT_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
# The configuration fields that may hold the number of positions.
_POSITION_FIELDS = ("max_position_embeddings", "n_positions", "max_target_positions")
# Types whose number of positions is unlimited, whatever their configuration says.
_WITHOUT_END = ("t5", "mt5", "umt5", "bloom", "xlnet", "wav2vec2")
# Types that reserve one position for padding and leave the one before it unused.
_TWO_RESERVED = ("roberta", "xlm-roberta", "longformer", "mpnet", "camembert")


@refuse_unknown_keywords
def models(search: str = "") -> pd.DataFrame:
    """List the checkpoints of the catalogue, which need no network.

    Parameters
    ----------
    search
        Part of a name, an alias or a family, case-insensitive; by default all checkpoints are listed.

    Returns
    -------
    pandas.DataFrame
        One row per checkpoint: ``model``, ``family`` (the model type), ``task``, ``parameters`` (each counted once),
        ``float32_mb``, ``float16_mb``, ``bfloat16_mb`` (memory of the weights in MB of 2^20 bytes) and ``positions``
        (the longest sequence, in tokens; ``<NA>`` if there is no limit or no sequence).

    Raises
    ------
    ModelNotFoundError
        If no checkpoint matches; the message suggests close matches.

    Examples
    --------
    >>> from hfbench_nb import models
    >>> list(models("SmolLM2-135M")["family"])
    ['llama']
    """
    import pandas as pd

    found = [checkpoint for checkpoint in checkpoints() if _fits(checkpoint, search.lower())]
    if not found:
        hint = did_you_mean(search, all_names())
        raise ModelNotFoundError(f"No checkpoint of the catalogue has {search!r} in its name.{hint}")
    frame = pd.DataFrame([_row(checkpoint) for checkpoint in found], columns=list(COLUMNS))
    return frame.round(1).astype({"positions": "Int64"})


def _fits(checkpoint: Checkpoint, search: str) -> bool:
    spellings = (checkpoint.name, *checkpoint.aliases, checkpoint.config["model_type"])
    return any(search in spelling.lower() for spelling in spellings)


def _row(checkpoint: Checkpoint) -> dict[str, Any]:
    config = checkpoint.config
    return {
        "model": checkpoint.name,
        "family": config["model_type"],
        "task": _task(config),
        "parameters": checkpoint.parameters,
        **{f"{name}_mb": checkpoint.parameters * size / MEGABYTE for name, size in _ELEMENT_BYTES.items()},
        "positions": _positions(config),
    }


def _task(config: dict[str, Any]) -> str:
    architecture = (config.get("architectures") or [""])[0]
    return next((task for end, task in _TASKS if architecture.endswith(end)), "base model")


def _positions(config: dict[str, Any]) -> int | None:
    if config["model_type"] in _WITHOUT_END:
        return None
    text = config.get("text_config") or config
    number: int | None = next((text[name] for name in _POSITION_FIELDS if isinstance(text.get(name), int)), None)
    if number is None:
        return None
    return number - 2 if config["model_type"] in _TWO_RESERVED else number
