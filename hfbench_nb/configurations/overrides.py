"""Variants of a model: ``NAME:key=value,key=value`` is NAME with some settings of its configuration replaced.

The syntax needs no quotes in a shell or a magic, so that a variant can be given wherever a model can.
"""

from __future__ import annotations

import ast
import copy
import importlib.util
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from hfbench_nb.protocol.errors import ArgumentError
from hfbench_nb.rendering.suggestions import did_you_mean

Scalar = str | int | float | bool | None

_VARIANT = re.compile(r"(?P<base>.+):(?P<overrides>\s*[A-Za-z_][\w.]*\s*=.*)", re.DOTALL)
_OVERRIDE = re.compile(r'\s*(?P<key>[A-Za-z_][\w.]*)\s*=\s*(?P<value>"(?:[^"\\]|\\.)*"|[^,"]*?)\s*(?:,|$)')
# Python's spellings, in addition to those of JSON.
_CONSTANTS = {"True": True, "False": False, "None": None}
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
# Changing one of these would make another model, not a variant of this one.
_FIXED = ("model_type", "architectures", "auto_map")
# What is certainly a number of something. Of chunks and windows, a negative size may mean none.
_COUNT = re.compile(r"(.+_)?(num|n)_.+|(.+_)?(layers|heads|dim)|(?!.*(chunk|window)_size).+_size|d_(model|ff|kv|inner)")


def split_name(name: str) -> tuple[str, str]:
    r"""Split a model's name into the base name and the overrides, which are empty if there are none.

    Examples
    --------
    >>> split_name("google-bert/bert-base-uncased:num_hidden_layers=6")
    ('google-bert/bert-base-uncased', 'num_hidden_layers=6')
    >>> split_name(r"C:\models\bert")
    ('C:\\models\\bert', '')
    """
    match = _VARIANT.fullmatch(name)
    return (match["base"], match["overrides"]) if match else (name, "")


def join_name(name: str, overrides: str) -> str:
    """Join a name and overrides: the inverse of `split_name`.

    Examples
    --------
    >>> join_name("gpt2", " n_layer = 6, n_head=4 ")
    'gpt2:n_layer=6,n_head=4'
    """
    if not overrides.strip():
        return name
    try:
        texts = [f"{key}={text}" for key, text in _parts(overrides)]
    except ArgumentError:  # reported when the name is looked up
        texts = [overrides.strip()]
    return f"{name}:{','.join(texts)}"


def parse_overrides(text: str) -> dict[str, Scalar]:
    """Parse ``key=value,key=value``: each value is a JSON scalar, or else a plain string.

    Raises
    ------
    ArgumentError
        If the text is not of this form, or a key occurs twice.

    Examples
    --------
    >>> parse_overrides("num_hidden_layers=6,hidden_act=relu,use_cache=false")
    {'num_hidden_layers': 6, 'hidden_act': 'relu', 'use_cache': False}
    """
    found: dict[str, Scalar] = {}
    for key, value in _parts(text):
        if key in found:
            raise ArgumentError(f"models: the overrides {text!r} name {key} twice.")
        found[key] = _scalar(value)
    return found


def _parts(text: str) -> list[tuple[str, str]]:
    found, position = [], 0
    while position < len(text):
        match = _OVERRIDE.match(text, position)
        if match is None or not match["value"] or (match.end() == len(text) and text.endswith(",")):
            raise ArgumentError(
                f"models: the overrides {text!r} cannot be read from {text[position:]!r} on: they must be of the form "
                "key=value,key=value, as in num_hidden_layers=6,hidden_act=relu."
            )
        found.append((match["key"], match["value"]))
        position = match.end()
    return found


def _scalar(text: str) -> Scalar:
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str | int | float | bool | None) else text


def apply_overrides(config: dict[str, Any], overrides: dict[str, Scalar], name: str) -> dict[str, Any]:
    """Return a copy of a configuration with some settings replaced.

    Parameters
    ----------
    config
        The dictionary of a ``config.json``.
    overrides
        New values by key; ``text_config.num_hidden_layers`` addresses a part. A key may also be one that only the
        configuration's class in the installed Transformers has, or an alias that the class defines, such as
        ``num_hidden_layers`` for GPT-2's ``n_layer``. Another number of layers changes the length of lists with an
        entry for each, such as ``layer_types``.
    name
        The model's name, used in messages.

    Raises
    ------
    ArgumentError
        If the configuration has no such key, or the value has a different type from the one it replaces.
    """
    changed = copy.deepcopy(config)
    for path, value in overrides.items():
        *parts, key = path.split(".")
        holder = changed
        for part in parts:
            if not isinstance(holder.get(part), dict):
                raise _unknown_key(name, part, [k for k, v in holder.items() if isinstance(v, dict)])
            holder = holder[part]
        known, other_names = class_keys(str(holder.get("model_type", "")))
        # Transformers 5 maps num_experts of Qwen3 MoE, which is its own key, to one that it does not have.
        key = alias if (alias := other_names.get(key)) in {*holder, *known} else key
        allowed = ({*holder, *known} | other_names.keys()) - {*_FIXED}
        if key not in allowed:
            inner = [".".join([*parts, k, key]) for k, v in holder.items() if isinstance(v, dict) and key in v]
            raise _unknown_key(name, path, inner or allowed)
        likes = [v for v in (holder.get(key), known.get(key)) if v is not None]
        _check_type(name, path, value, likes)
        _check_count(name, path, value, {path.split(".")[-1], key}, likes)
        if key in ("num_hidden_layers", other_names.get("num_hidden_layers")) and isinstance(value, int):
            holder.update(_fitted_to_depth(holder, holder.get(key), value))
        holder[key] = value
    return changed


def _fitted_to_depth(holder: dict[str, Any], old: Any, new: int) -> dict[str, list[Any]]:
    """Return the lists with an entry for each layer, such as ``layer_types``, for another number of layers.

    What repeats, such as five layers with a window and one without, goes on repeating.
    """
    lists = {k: v for k, v in holder.items() if "layer" in k and isinstance(v, list) and v and len(v) == old}
    found = {}
    for key, entries in lists.items():
        period = next(p for p in range(1, len(entries) + 1) if entries[p:] == entries[:-p])
        found[key] = [entries[layer % period] for layer in range(new)]
    return found


def _unknown_key(name: str, key: str, allowed: Any) -> ArgumentError:
    hint = did_you_mean(key.rpartition(".")[2], sorted(allowed))
    return ArgumentError(f"models: {key!r} cannot be overridden in {name!r}: its configuration has no such key.{hint}")


def _check_type(name: str, key: str, value: Scalar, likes: list[Any]) -> None:
    """Raise if a value has none of the types known for the key; None may replace, or be replaced by, any value."""
    if value is None or not likes:
        return
    kinds = {type(like) for like in likes}
    words = [text for kind, text in _WORDS.items() if kind in kinds]
    if not words:
        raise ArgumentError(
            f"models: {key!r} cannot be overridden in {name!r}: it is not a single value.",
            in_code="Give the configuration as configs=[...].",
        )
    fits = type(value) in kinds or (float in kinds and type(value) is int)
    if not fits:
        raise ArgumentError(f"models: {key}={value!r} cannot be used in {name!r}: {key} must be {' or '.join(words)}.")


def _check_count(name: str, key: str, value: Scalar, spellings: set[str], likes: list[Any]) -> None:
    """Raise if a number of something, such as layers, is negative: most models would be built, without any.

    Where the configuration or its class has a negative value itself, that means something, such as no limit.
    """
    is_count = any(_COUNT.fullmatch(spelling) for spelling in spellings)
    has_negative = any(isinstance(like, int | float) and like < 0 for like in likes)
    if is_count and not has_negative and isinstance(value, int | float) and value < 0:
        raise ArgumentError(
            f"models: {key}={value!r} cannot be used in {name!r}: {key} must be a whole number of at least 0."
        )


@cache
def class_keys(model_type: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Read the keys and aliases of a model type's configuration class in Transformers.

    The source is parsed, not imported: importing it may take seconds.

    Returns
    -------
    tuple
        Its keys with their default values, and its aliases with the keys that they stand for. Both are empty if
        Transformers is not installed or does not have the type.
    """
    found = importlib.util.find_spec("transformers")
    folder = model_type.replace("-", "_")
    if found is None or found.origin is None or not folder.isidentifier():
        return {}, {}
    models = Path(found.origin).parent / "models"
    while folder and not (models / folder).is_dir():  # that of gemma3_text is gemma3
        folder = folder.rpartition("_")[0]
    try:
        tree = ast.parse((models / folder / f"configuration_{folder}.py").read_text(encoding="utf-8"))
    except (OSError, SyntaxError):
        return {}, {}
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    fitting = [node for node in classes if _class_values(node).get("model_type") == model_type]
    if not fitting and folder == model_type.replace("-", "_"):
        fitting = classes
    keys: dict[str, Any] = {}
    other_names: dict[str, str] = {}
    for node in fitting:
        keys |= _init_defaults(node) | _class_values(node, annotated_only=True)
        other_names |= _class_values(node).get("attribute_map") or {}
    return keys, other_names


def _init_defaults(node: ast.ClassDef) -> dict[str, Any]:
    """Return the arguments of ``__init__`` and their defaults: the keys in Transformers 4."""
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            named = item.args.args[1:]
            defaults: list[ast.expr | None] = [None] * (len(named) - len(item.args.defaults)) + [*item.args.defaults]
            return {argument.arg: _literal(value) for argument, value in zip(named, defaults, strict=True)}
    return {}


def _class_values(node: ast.ClassDef, *, annotated_only: bool = False) -> dict[str, Any]:
    """Return the values that a class body assigns, by name; the annotated names are the keys in Transformers 5."""
    found: dict[str, Any] = {}
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            found[item.target.id] = _literal(item.value)
        elif isinstance(item, ast.Assign) and not annotated_only:
            found |= {target.id: _literal(item.value) for target in item.targets if isinstance(target, ast.Name)}
    return found


def _literal(node: ast.expr | None) -> Any:
    try:
        return None if node is None else ast.literal_eval(node)
    except ValueError:
        return None
