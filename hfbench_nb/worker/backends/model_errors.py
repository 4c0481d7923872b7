"""What a user is told of an error that the code of a model raised; for every framework."""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass
from pathlib import Path

import transformers

from hfbench_nb.protocol.errors import message_of
from hfbench_nb.worker.backends.base import Attempt, ModelError
from hfbench_nb.worker.backends.inputs import forward_arguments

_OURS = Path(__file__).resolve().parents[2]
# Errors that a program raises by mistake, and not to tell its user something.
_MISTAKES = (AttributeError, LookupError, TypeError, NameError, AssertionError, ArithmeticError, StopIteration)
# Names under which configurations store how many positions there are.
_POSITIONS = ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length")
# Arguments of forward passes that are no inputs of data.
_NO_INPUT = re.compile(
    r"labels?$|_label$|^(output|return|use|interpolate|past|cache|head|decoder_head|cross_attn|logits_to|num_)|mask$|"
    r"_?inputs_embeds$|position_ids$|cache_position$|token_type_ids$|encoder_outputs$|past_key_values$|kwargs$|params$"
)


@dataclass(frozen=True)
class _Kind:
    """A kind of error, recognised by its message, and the user's next step."""

    pattern: str
    next_step: str


_KINDS = (
    _Kind(
        r"no padding token is defined",
        "its configuration has no pad_token_id: set one, as in `{name}:pad_token_id=0`, or measure batch size 1",
    ),
    _Kind(
        r"not implemented for '|same dtype|expected scalar type|must have the same dtype|dtype.*(mismatch|match)|"
        r"Input type .* and (weight|bias) type",
        "its code does not compute in this data type: try dtype=float32, or bfloat16",
    ),
    _Kind(
        r"does not support an attention implementation|scaled_dot_product_attention yet|attn_implementation",
        "try attn_implementation='eager'",
    ),
    _Kind(
        r"CUDA|[Tt]riton|only (supported|available) on (a )?GPU|No available kernel",
        "its code needs a GPU, or another one: see device=",
    ),
    _Kind(
        r"multiple of|divisible|divide",
        "sizes that have to divide each other do not: choose another sequence_length, or other sizes in the "
        "configuration",
    ),
    _Kind(
        r"index out of range|indices element is out of|out of bounds",
        "an id or a position lies beyond one of its tables: try another sequence_length, and check vocab_size and "
        "special token ids in the configuration",
    ),
    _Kind(
        r"shapes? .*(cannot be multiplied|mismatch|invalid)|size of tensor|Sizes of tensors|invalid for input of size|"
        r"Expected size|[Kk]ernel size can't be greater|expanded size|must match|size mismatch|invalid shape|"
        r"not enough values to unpack|shape|dimension|Incompatible",
        "sizes do not fit together: try another sequence_length, and check the sizes in the configuration",
    ),
)  # fmt: skip
_MISSING_INPUT = re.compile(
    r"(have|has|need|needs) to (specify|provide|pass|be (given|provided|passed|specified|set))|"
    r"must (specify|provide|pass|be (provided|passed|specified|given))|are passed|should (provide|be provided)|"
    r"is required|required positional argument(?!s: \")|cannot be None|can't be None|provide either",
    re.IGNORECASE,
)  # in double quotes, PyTorch's own functions name what a call lacks


def explain(error: Exception, attempt: Attempt) -> Exception:
    """Return what is reported instead of an error: the error itself if hfbench_nb raised it to tell the user something.

    Parameters
    ----------
    error
        What was raised.
    attempt
        What was tried.
    """
    if attempt.is_own:
        return error
    frames = traceback.extract_tb(error.__traceback__)
    ours = bool(frames) and Path(frames[-1].filename).resolve().is_relative_to(_OURS)
    if ours and not isinstance(error, _MISTAKES):
        return error
    name = attempt.spec.name if attempt.model is None else type(attempt.model).__name__
    said = f"{type(error).__name__}: {_one_line(error)}"
    if frames:
        said += f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})"
    if attempt.step == "inputs":
        return NotImplementedError(f"{name}: its inputs cannot be derived from its configuration ({said})")
    if isinstance(error, ImportError):
        return ModelError(f"{name} needs a package that the worker's environment does not have: {said}; install it, "
                          "or give another environment by python= or overlay=")  # fmt: skip
    if attempt.model is None:
        return ModelError(
            f"{name} cannot be built from this configuration by Transformers {transformers.__version__}: {said}"
        )
    missing = _missing_input(error, attempt)
    if missing:
        return NotImplementedError(f"{name} needs {missing} ({said})")
    return ModelError(
        f"{name} of Transformers {transformers.__version__} fails with these sizes and settings: {said}; "
        f"{_next_step(error, attempt)}"
    )


def _one_line(error: Exception) -> str:
    return " ".join(message_of(error).replace("`", "'").split())


def _missing_input(error: Exception, attempt: Attempt) -> str:
    """Return in words which input the model lacks, or nothing if that is not what the error is about."""
    text = _one_line(error).replace("'", "")
    needs_none = isinstance(error, TypeError | AttributeError) and "NoneType" in text
    is_asked_for = isinstance(error, (*_MISTAKES, ValueError)) and _MISSING_INPUT.search(text)
    if not (needs_none or is_asked_for) or _without_padding(error, attempt):
        return ""
    left = [n for n in forward_arguments(attempt.model) if n not in attempt.given and not _NO_INPUT.search(n)]
    if not left:
        return "" if needs_none else "an input that cannot be made yet"
    return f"an input that cannot be made yet, one of {', '.join(left)}"


def _without_padding(error: Exception, attempt: Attempt) -> bool:
    """Return whether the model may have failed for want of a padding token."""
    config = getattr(attempt.model, "config", None)
    missing = isinstance(error, TypeError) and "None" in _one_line(error)
    return missing and getattr(config, "pad_token_id", 0) is None


def _next_step(error: Exception, attempt: Attempt) -> str:
    """Return what the user can do."""
    if _without_padding(error, attempt):
        return f"its configuration has no pad_token_id: set one, as in `{attempt.spec.name}:pad_token_id=0`"
    length, config = attempt.case.sizes[1], attempt.model.config
    positions = {name: value for name in _POSITIONS if isinstance(value := getattr(config, name, None), int)}
    for name, count in positions.items():
        if 0 < count < length:
            return f"sequence_length {length} is beyond the {count} positions of its configuration ({name})"
    exact = getattr(config, "segment_means_seq_len", length)  # Nystromformer
    if exact != length:
        return f"it takes texts of exactly {exact} tokens (segment_means_seq_len of its configuration)"
    kind = next((kind for kind in _KINDS if re.search(kind.pattern, _one_line(error))), None)
    if kind is not None:
        return kind.next_step.format(name=attempt.spec.name)
    if isinstance(error, _MISTAKES):
        return (
            "its code has a mistake, or its configuration lacks a value: try another configuration, or another version "
            "of Transformers by python= or overlay="
        )
    return "other sizes or a changed configuration may work; the traceback is in the measurement's failure"
