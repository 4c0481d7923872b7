"""Runs that are over quickly, of tiny models."""

from __future__ import annotations

from typing import Any

from hfbench_nb import PyTorchBenchmarkArguments
from support.light import SIZES


def short(**given: Any) -> PyTorchBenchmarkArguments:
    """Arguments of a run that is over quickly."""
    return PyTorchBenchmarkArguments(
        **{
            "models": ["tiny"],
            "batch_sizes": [1],
            "sequence_lengths": [8],
            "max_seconds": 0.02,
            "timeout_s": 60.0,
            "rounds": 1,
            **given,
        }
    )


def tiny_bert(**given: Any) -> Any:
    from transformers import BertConfig

    return BertConfig(**{**SIZES, **given})


def tiny_gpt2(**given: Any) -> Any:
    from transformers import GPT2Config

    sizes = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64, "vocab_size": 100}
    return GPT2Config(**{**sizes, "bos_token_id": 0, "eos_token_id": 0, **given})


def tiny_t5(**given: Any) -> Any:
    from transformers import T5Config

    sizes = {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2, "vocab_size": 100}
    return T5Config(**{**sizes, "decoder_start_token_id": 0, **given})


def tiny_bart(**given: Any) -> Any:
    from transformers import BartConfig

    sizes = {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "vocab_size": 100, "max_position_embeddings": 64}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64}
    return BartConfig(**{**sizes, **heads, **given})
