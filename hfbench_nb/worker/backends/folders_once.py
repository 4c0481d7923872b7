"""Lists the folders of Transformers' models once per process: imported before what imports a model.

Importing Transformers reads every file of its models, and importing `transformers.models` would do so again, by another
name of the same folder, which takes 0.3 to 0.4 s: the cache of Transformers 4.57 and 5 holds 128 of some 400 folders.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import transformers
from transformers.utils import import_utils

_READER = "create_import_structure_from_path"
_MODELS = Path(transformers.__file__).parent / "models"


def _by_one_name(read: Callable[..., Any]) -> Callable[..., Any]:
    """Read the folder of the models by the name that its list was kept under last."""

    @functools.wraps(read)
    def read_once(path: Any, *others: Any, **more: Any) -> Any:
        return read(_MODELS if Path(path) == _MODELS / "__init__.py" else path, *others, **more)

    return read_once


if hasattr(import_utils, _READER):  # no part of the library's interface: another version may lack it
    setattr(import_utils, _READER, _by_one_name(getattr(import_utils, _READER)))
