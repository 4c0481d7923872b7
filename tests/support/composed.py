"""Tiny configurations of models of several parts, or of odd texts, that `support.tiny` does not list."""

from __future__ import annotations

from typing import Any

from support.tiny import TINY

_BERT, _BART, _T5, _VIT = (TINY[name] for name in ("bert", "bart", "t5", "vit"))
_ENCODEC = {"model_type": "encodec", "num_filters": 4, "hidden_size": 16, "codebook_size": 32,
            "upsampling_ratios": [2, 2]}  # fmt: skip
_GPT = {"input_vocab_size": 50, "output_vocab_size": 50, "hidden_size": 32, "num_heads": 2, "num_layers": 1,
        "block_size": 64}  # fmt: skip
_CODEBOOKS = {"model_type": "musicgen_decoder", "vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 2,
              "num_attention_heads": 2, "ffn_dim": 64, "num_codebooks": 4, "pad_token_id": 50, "bos_token_id": 50,
              "max_position_embeddings": 64}  # fmt: skip


def without(config: dict[str, Any], *names: str, **more: Any) -> dict[str, Any]:
    """Return a configuration without some of its values, and with others."""
    return {name: value for name, value in config.items() if name not in names} | more


COMPOSED: dict[str, dict[str, Any]] = {
    "fsmt": without(_BART, "vocab_size", "architectures", model_type="fsmt", langs=["en", "de"], src_vocab_size=60,
                    tgt_vocab_size=40),
    "encoder-decoder": {
        "model_type": "encoder-decoder", "encoder": {**_BERT, "vocab_size": 60}, "decoder_start_token_id": 1,
        "decoder": {**_BERT, "vocab_size": 40, "is_decoder": True, "add_cross_attention": True}, "pad_token_id": 0,
    },
    "vision-encoder-decoder": without(TINY["vision-encoder-decoder"], "architectures"),
    "trocr": {"model_type": "trocr", "vocab_size": 50, "d_model": 32, "decoder_layers": 2, "decoder_ffn_dim": 64,
              "decoder_attention_heads": 2, "max_position_embeddings": 64},
    "pop2piano": without(_T5, "architectures", model_type="pop2piano"),
    "superpoint": {"model_type": "superpoint", "encoder_hidden_sizes": [8, 8, 8], "decoder_hidden_size": 8,
                   "keypoint_decoder_dim": 65, "descriptor_decoder_dim": 8, "image_size": 32},
    "upernet": {
        "model_type": "upernet", "hidden_size": 16, "use_auxiliary_head": False, "image_size": 32,
        "backbone_config": {**without(TINY["convnext"], "architectures"), "out_features": ["stage1", "stage2"]},
    },
    "canine": without(_BERT, "vocab_size", "architectures", model_type="canine", num_hash_buckets=64,
                      num_hash_functions=4, local_transformer_stride=8),
    "rag": {"model_type": "rag", "question_encoder": {**without(_BERT, "architectures"), "model_type": "dpr"},
            "generator": _BART, "n_docs": 3},
    "musicgen": {"model_type": "musicgen", "text_encoder": _T5, "audio_encoder": _ENCODEC, "decoder": _CODEBOOKS},
    "bark": {"model_type": "bark", "codec_config": _ENCODEC,
             **dict.fromkeys(["semantic_config", "coarse_acoustics_config", "fine_acoustics_config"], _GPT)},
    "ctrl": without(TINY["gpt2"], "architectures", model_type="ctrl", dff=64),
    "codegen": without(TINY["gptj"], "architectures", model_type="codegen", n_head=4),
    "prophetnet": without(
        _BERT, "num_hidden_layers", "num_attention_heads", "intermediate_size", "architectures",
        model_type="prophetnet", num_encoder_layers=2, num_decoder_layers=2, num_encoder_attention_heads=2,
        num_decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64, decoder_start_token_id=0,
    ),
    "nystromformer": without(_BERT, "architectures", model_type="nystromformer", num_landmarks=8),
    "funnel": {"model_type": "funnel", "vocab_size": 100, "block_sizes": [1, 1, 1], "d_model": 32, "n_head": 2,
               "d_head": 16, "d_inner": 64},
    "visual_bert": without(_BERT, model_type="visual_bert", architectures=["VisualBertForQuestionAnswering"],
                           visual_embedding_dim=16),
    "detr": {
        "model_type": "detr", "architectures": ["DetrForObjectDetection"], "use_timm_backbone": False,
        "use_pretrained_backbone": False, "backbone": None, "d_model": 32, "encoder_layers": 1, "decoder_layers": 1,
        "encoder_attention_heads": 2, "decoder_attention_heads": 2, "num_queries": 5, "image_size": 64,
        "backbone_config": {**without(TINY["resnet"], "architectures"), "out_features": ["stage2"]},
    },
    "vit_mae": without(_VIT, model_type="vit_mae", architectures=["ViTMAEForPreTraining"]),
}  # fmt: skip
"""By model type."""
