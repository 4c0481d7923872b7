"""Small configurations of every model type: its own defaults, shrunk by a rule for each name of a field.

Widths become equal, so that whatever must agree or divide still does.  A model whose stages have lists of widths keeps
them, and loses depth alone.
"""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Iterable
from typing import Any

LAYERS, WIDTH, HEADS, HEAD, EXPERTS, VOCABULARY = 4, 64, 4, 16, 8, 1024

# How much is shrunk: everything; not the vocabulary; the number of layers and experts alone.
LEVELS = ("all", "widths", "depth")

_RESNET = {"model_type": "resnet", "embedding_size": 16, "hidden_sizes": [16, 32, 48, 64], "depths": [1, 1, 1, 1]}

# What a type needs and its default configuration leaves open, by model type; then by field, for every type.
_TEXT = {"hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": HEADS, "intermediate_size": WIDTH,
         "vocab_size": VOCABULARY}  # fmt: skip
_BERT = {"model_type": "bert", **_TEXT}
_DECODER = {**_BERT, "is_decoder": True, "add_cross_attention": True}
_VIT = {"model_type": "vit", **_TEXT}
_T5 = {"model_type": "t5", "d_model": WIDTH, "d_kv": HEAD, "d_ff": WIDTH, "num_layers": 2, "num_heads": HEADS,
       "vocab_size": VOCABULARY}  # fmt: skip
_CODEC = {"model_type": "encodec", "num_filters": 4, "hidden_size": WIDTH, "codebook_size": 64, "codebook_dim": WIDTH}
_WAV2VEC2 = {"model_type": "wav2vec2", **_TEXT, "conv_dim": [WIDTH] * 3, "conv_kernel": [10, 3, 3],
             "conv_stride": [5, 4, 4], "num_feat_extract_layers": 3, "num_conv_pos_embeddings": 16}  # fmt: skip
_BART = {"model_type": "bart", "d_model": WIDTH, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": WIDTH,
         "decoder_ffn_dim": WIDTH, "encoder_attention_heads": HEADS, "decoder_attention_heads": HEADS}  # fmt: skip
_MUSIC = {"hidden_size": WIDTH, "ffn_dim": WIDTH, "num_attention_heads": HEADS, "num_hidden_layers": 2,
          "vocab_size": 64, "num_codebooks": 4, "pad_token_id": 64, "bos_token_id": 64}  # fmt: skip
_TWO_SIDES = {"decoder_start_token_id": 1, "pad_token_id": 0}
_SECTIONS = {"type": "default", "rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]}
_MULTIMODAL_ROPE = {"rope_scaling": _SECTIONS, "rope_parameters": _SECTIONS}
_GIVEN: dict[str, dict[str, Any]] = {
    "encoder-decoder": {"encoder": _BERT, "decoder": _DECODER, **_TWO_SIDES},
    "vision-encoder-decoder": {"encoder": _VIT, "decoder": _DECODER, **_TWO_SIDES},
    "nougat": {"encoder": {**_VIT, "model_type": "vit"}, "decoder": _DECODER, **_TWO_SIDES},
    "speech-encoder-decoder": {"encoder": _WAV2VEC2, "decoder": _DECODER, **_TWO_SIDES},
    "vision-text-dual-encoder": {"vision_config": _VIT, "text_config": _BERT, "projection_dim": WIDTH},
    "musicgen": {"text_encoder": _T5, "audio_encoder": _CODEC,
                 "decoder": {"model_type": "musicgen_decoder", **_MUSIC}},
    "musicgen_melody": {"text_encoder": _T5, "audio_encoder": _CODEC,
                        "decoder": {"model_type": "musicgen_melody_decoder", **_MUSIC}},
    "rag": {"question_encoder": {"model_type": "dpr", **_TEXT}, "generator": _BART},
    "gpt_neo": {"attention_types": [[["global", "local"], 2]]},
    "seggpt": {"num_hidden_layers": 6, "merge_index": 0, "intermediate_hidden_state_indices": [2, 3, 4, 5]},
    "granitemoehybrid": {"layer_types": ["mamba", "attention"] * 2},
    "glm4v_text": _MULTIMODAL_ROPE, "glm4v_moe_text": _MULTIMODAL_ROPE, "Glm4vMoe_text": _MULTIMODAL_ROPE,
    "qwen2_vl_text": _MULTIMODAL_ROPE, "qwen2_5_vl_text": _MULTIMODAL_ROPE,
    "chameleon": {"vocabulary_map": {"<image>": 5, **{f"IMGIMG{letter}Z": 6 + i for i, letter in enumerate("ABCD")}}},
    "emu3": {"vocabulary_map": {"<image>": 5, **{f"<|visual token {i:06}|>": 6 + i for i in range(4)}}},
}  # fmt: skip
_NEEDED = {"vocab_size": VOCABULARY, "prediction_length": 8, "num_experts_per_tok": 2, "n_routed_experts": EXPERTS,
           "num_local_experts": EXPERTS}  # fmt: skip

# The first pattern that a whole name matches decides; None leaves the value.
_RULES: tuple[tuple[str, Any, str], ...] = (
    (r"num_feat_extract_layers|num_conv_layers|num_adapter_layers|num_channels|.*(vocab|image|patch|window|kernel|codebook"
     r"|block|batch|tile|crop|filter|grid|stride|pool|beam|bin|conv_state|state|context|memory|cache|max|min|num"
     r"|type)_size|.*(position|bucket|sampl|input_feat|mel|scale|stride|num_labels|patch).*|in_chan.*", None, ""),
    (r"rotary_dim|num_pos_feats", HEAD // 2, "widths"),
    (r".*mamba_d_ssm", 2 * WIDTH, "widths"),
    (r"(.*_)?chunk_size|.*index_(kpool|topk)", HEAD, "depth"),
    (r".*_groups", WIDTH, "widths"),
    (r"(.*_)?(num_experts_per_tok|top_?k|moe_topk|num_experts_per_token|experts_per_.*)", 2, "depth"),
    (r"topk_group", 1, "depth"),
    (r"n_group", 4, "depth"),
    (r".*num.*experts|n_routed_experts|.*num_experts.*|.*experts_num", EXPERTS, "depth"),
    (r".*n_shared_experts", 1, "depth"),
    (r"first_k_dense_replace|num_dense_layers|.*_start_layer|num_kv_shared_layers|.*kv_shared.*", 1, "depth"),
    (r".*_period|.*_interval|.*_every.*|.*sliding_window_pattern|layers_per.*", 2, "depth"),
    (r".*_layer_offset", 1, "depth"),
    (r"(.*_)?(num_|n_|encoder_|decoder_)?.*(layers|layer|depth)|num_blocks|.*_num_blocks", LAYERS, "depth"),
    (r".*(key_value|kv)_heads|n_head_kv|.*kv_n_heads|num_key_value_.*heads|num_kv_.*heads", 2, "widths"),
    (r"mamba_(n|num)_heads|num_heads_mamba", 8, "widths"),
    (r".*(heads|n_head|heads_num|num_head)", HEADS, "widths"),
    (r"qk_(rope|nope)_head_dim|.*qk_rope.*dim|.*qk_nope.*dim", HEAD // 2, "widths"),
    (r".*(head_dim|head_size|d_kv|d_head|v_head_dim|kv_channels|head_width)", HEAD, "widths"),
    (r".*(mamba_)?n_groups", 2, "widths"),
    (r".*lora_rank|.*_rank", WIDTH // 2, "widths"),
    (r".*(_size|_dim|_dims|dim|width|d_model|n_embd|d_ff|d_inner|n_inner|_channels|channels|_features|d_embed|_units)",
     WIDTH, "widths"),
)  # fmt: skip
_IDS = re.compile(r".*(_token_id|_token_index|_id|_index|_token|_token_ids|_ids)")


def shrink(config_class: Any, level: str = "all") -> Any:
    """Return a small configuration of a class; raises whatever its constructor raises."""
    return _Shrinking(level).build(config_class, _default(config_class))


def _default(config_class: Any) -> Any:
    """Return the default configuration, or that with its parts where the class has none of its own."""
    try:
        return config_class()
    except ValueError:
        return config_class(**copy.deepcopy(_GIVEN.get(config_class.model_type, {})))


def _default_or_none(config_class: Any) -> Any:
    try:
        return _default(config_class)
    except Exception:
        return None


class _Shrinking:
    """Shrinks one model's configuration and those nested in it; ids beyond the vocabulary change alike in all."""

    def __init__(self, level: str) -> None:
        self.does = set(LEVELS[LEVELS.index(level) :])
        self.ids: dict[int, int] = {}

    def build(self, config_class: Any, origin: Any) -> Any:
        """Build a configuration anew, so that its constructor derives what depends on the shrunk fields."""
        plain = self.fields(config_class, origin)
        errors = []
        for nested in (lambda part: {**part.to_dict(), "model_type": part.model_type}, lambda part: part):
            given = {name: _replace(value, nested) for name, value in plain.items()}
            try:
                return config_class(**given)
            except Exception as error:
                errors.append(error)
        raise errors[0]

    def fields(self, config_class: Any, origin: Any) -> dict[str, Any]:
        """Return the arguments for the constructor."""
        defaults = {
            name: parameter.default
            for name, parameter in inspect.signature(config_class.__init__).parameters.items()
            if name != "self" and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        }
        held = origin.to_dict()
        values = {name: _read(origin, name, held.get(name, default)) for name, default in defaults.items()}
        values = {**values, **_unlike_default(config_class, origin, defaults)}
        stages = any(_are_widths(name, value) for name, value in values.items())
        layers = next((v for n, v in values.items() if isinstance(v, int) and _rule(n)[0] == LAYERS and v > LAYERS), 0)
        derived = _read_all(_default_or_none(config_class), defaults)
        kept = {}
        for name, value in values.items():
            if isinstance(value, dict) and "mrope_section" in value and "widths" in self.does:
                kept[name] = {**value, "mrope_section": _SECTIONS["mrope_section"]}
                continue
            if defaults.get(name, ...) is None and not _is_config(value):
                sized = isinstance(value, list | dict) or (isinstance(value, int) and _rule(name)[0] is not None)
                if sized and derived.get(name, value) == value:
                    continue  # the constructor derives it
            kept[name] = self.value(name, value, stages=stages, layers=layers)
        if values.get("use_timm_backbone"):
            more = {"use_timm_backbone": False, "backbone": None, "backbone_config": _RESNET, "backbone_kwargs": None}
            kept.update({name: value for name, value in more.items() if name in defaults})
        if "use_pretrained_backbone" in values:
            kept["use_pretrained_backbone"] = False
        kept.update({name: value for name, value in _NEEDED.items() if name in defaults and kept.get(name) is None
                     and values.get(name) is None})  # fmt: skip
        kept.update(copy.deepcopy(_GIVEN.get(config_class.model_type, {})))
        if "image_size" in kept:
            kept["image_size"] = self._image(kept["image_size"], values)
        self._heads(kept, values, stages=stages)
        return {name: value for name, value in kept.items() if value is not inspect.Parameter.empty}

    def value(self, name: str, value: Any, *, stages: bool, layers: int) -> Any:
        """Return the small value of a field."""
        if _is_config(value):
            return self.build(type(value), value)
        if isinstance(value, dict) and value and all(_is_config(part) for part in value.values()):
            return {key: self.build(type(part), part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return self._list(name, list(value), layers)
        if isinstance(value, bool) or not isinstance(value, int):
            return value
        if re.fullmatch(r".*vocab_size(_.*)?|.*_vocab(ulary)?_size", name):
            return min(value, VOCABULARY) if "all" in self.does else value
        if _IDS.fullmatch(name):
            return self._id(value)
        small, level = _rule(name)
        if small is None or level not in self.does or (stages and level == "widths") or value <= small:
            return value
        return small

    def _id(self, value: int) -> int:
        if "all" not in self.does or value < VOCABULARY:
            return value
        return self.ids.setdefault(value, VOCABULARY - 1 - len(self.ids))

    def _list(self, name: str, value: list[Any], layers: int) -> list[Any]:
        numbers = bool(value) and all(isinstance(item, int) and not isinstance(item, bool) for item in value)
        if numbers and _IDS.fullmatch(name) and not re.search("layer|block", name):
            return [self._id(item) for item in value]
        if numbers and re.fullmatch(r"(.*_)?depths|.*layers_per_stage|num_layers|.*num_blocks.*|layers", name):
            return [min(item, 1) if max(value) > 1 else item for item in value]
        if layers and len(value) == layers:  # one for each layer: every kind once, then as they come
            kinds = list(dict.fromkeys(map(repr, value)))
            chosen = sorted({[*map(repr, value)].index(kind) for kind in kinds[:LAYERS]})
            rest = [i for i in range(len(value)) if i not in chosen]
            return [value[i] for i in sorted([*chosen, *rest[: LAYERS - len(chosen)]])]
        if layers and numbers and name == "out_indices":  # 0 is what comes before the first layer
            return [LAYERS - len(value) + 1 + i for i in range(len(value))] if max(value) > LAYERS else value
        if layers and numbers and re.search("layer|idx|ids|ind", name):  # which layers
            ranked = sorted(value)
            few = list(dict.fromkeys(min(item, LAYERS - len(value) + ranked.index(item)) for item in value))
            return [item if 0 <= item < LAYERS else 1 for item in few][:LAYERS] if max(value) >= LAYERS else value
        if layers and value and all(isinstance(item, str) and re.fullmatch(r"stage\d+", item) for item in value):
            return [f"stage{LAYERS - len(value) + i + 1}" for i in range(len(value))]
        return value

    def _image(self, value: Any, values: dict[str, Any]) -> Any:
        """Return the size of images: no more than eight patches a side."""
        patch = values.get("patch_size")
        if "all" not in self.does or not isinstance(value, int) or value <= 256:
            return value
        return 8 * patch if isinstance(patch, int) and patch < value / 8 else 224

    def _heads(self, kept: dict[str, Any], values: dict[str, Any], *, stages: bool) -> None:
        """Keep as many heads of keys as of queries where they were as many, and what state spaces must divide into."""
        if "widths" not in self.does or stages:
            return
        for name in ("num_key_value_heads", "decoder_num_key_value_heads", "encoder_num_key_value_heads"):
            queries = name.replace("key_value", "attention")
            if name in kept and values.get(name) == values.get(queries) and isinstance(kept.get(queries), int):
                kept[name] = kept[queries]
        if isinstance(kept.get("mamba_n_heads"), int) and "mamba_d_head" in kept:
            inner = kept.get("mamba_d_ssm") or kept["mamba_expand"] * kept["hidden_size"]
            kept["mamba_d_head"] = inner // kept["mamba_n_heads"]
        if {"expand", "num_heads", "head_dim", "hidden_size", "n_groups"} <= kept.keys():  # Mamba 2
            kept["num_heads"] = kept["expand"] * kept["hidden_size"] // kept["head_dim"]


def _are_widths(name: str, value: Any) -> bool:
    """Return whether a field lists the widths, or the depths, of the stages of a model."""
    if not isinstance(value, list | tuple) or not re.fullmatch(r"depths|.*(sizes|dims|channels|widths|features)", name):
        return False
    return bool(value) and all(isinstance(item, int) for item in value)


def _unlike_default(config_class: Any, origin: Any, named: dict[str, Any]) -> dict[str, Any]:
    """Return what a nested configuration holds besides the named arguments and unlike its class's defaults."""
    default = _default_or_none(config_class)
    if default is None:
        return {}
    plain = default.to_dict()
    left_out = {*named, "transformers_version", "model_type", "torch_dtype", "dtype"}
    return {
        name: _read(origin, name, value)
        for name, value in origin.to_dict().items()
        if name not in left_out and not name.startswith("_") and plain.get(name, ...) != value
    }  # fmt: skip


def _read(origin: Any, name: str, default: Any) -> Any:
    """Return an attribute; `default` where there is none, or where it differs between layers and may not be read."""
    try:
        return getattr(origin, name)
    except Exception:
        return default


def _read_all(origin: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: _read(origin, name, ...) for name in names}


def _rule(name: str) -> tuple[Any, str]:
    return next(((small, level) for pattern, small, level in _RULES if re.fullmatch(pattern, name)), (None, ""))


def _is_config(value: Any) -> bool:
    return hasattr(value, "to_dict") and hasattr(value, "model_type")


def _replace(value: Any, nested: Any) -> Any:
    if _is_config(value):
        return nested(value)
    if isinstance(value, dict) and value and all(_is_config(part) for part in value.values()):
        return {key: nested(part) for key, part in value.items()}
    return value
