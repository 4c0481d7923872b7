"""Tiny configurations of many model types, as dictionaries of a ``config.json``; needs the standard library alone."""

from __future__ import annotations

import copy
from typing import Any

Config = dict[str, Any]

VOCABULARY, POSITIONS, IMAGE = 100, 64, 32

_TEXT = {
    "vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 64, "max_position_embeddings": POSITIONS, "pad_token_id": 0, "bos_token_id": 1,
    "eos_token_id": 2,
}  # fmt: skip
# One of padding and one unused position come before the first.
_LIKE_ROBERTA = {**_TEXT, "max_position_embeddings": POSITIONS + 2, "pad_token_id": 1, "bos_token_id": 0}
_LIKE_BART = {
    "vocab_size": VOCABULARY, "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "is_encoder_decoder": True,
    "max_position_embeddings": POSITIONS, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
    "decoder_start_token_id": 2, "forced_eos_token_id": 2,
}  # fmt: skip
_LIKE_T5 = {
    "vocab_size": VOCABULARY, "d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2,
    "decoder_start_token_id": 0, "is_encoder_decoder": True, "pad_token_id": 0, "eos_token_id": 1,
}  # fmt: skip
_GROUPED = {**_TEXT, "num_key_value_heads": 1}
_GROUPED_HEAD = {**_GROUPED, "head_dim": 16}
_GEMMA3 = {**_GROUPED_HEAD, "sliding_window": 16, "sliding_window_pattern": 2, "query_pre_attn_scalar": 16}
_LIKE_GPT2 = {"vocab_size": VOCABULARY, "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": POSITIONS,
              "bos_token_id": 1, "eos_token_id": 2}  # fmt: skip
_IMAGES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
           "image_size": IMAGE, "patch_size": 8, "num_channels": 3}  # fmt: skip
_CONVOLUTIONS = {"conv_dim": [16, 16], "conv_kernel": [10, 3], "conv_stride": [5, 2], "num_feat_extract_layers": 2,
                 "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}  # fmt: skip
_AUDIO = {**_TEXT, **_CONVOLUTIONS, "mask_time_length": 2, "mask_feature_length": 2, "codevector_dim": 16,
          "proj_codevector_dim": 16}  # fmt: skip
_CLIP_PARTS = {
    "text_config": {**_TEXT, "projection_dim": 16}, "vision_config": {**_IMAGES, "projection_dim": 16},
    "projection_dim": 16,
}  # fmt: skip


def _of(model_type: str, architecture: str, sizes: Config, **more: Any) -> tuple[str, Config]:
    return model_type, {"model_type": model_type, "architectures": [architecture], **sizes, **more}


TINY: dict[str, Config] = dict([
    # ---- encoders
    _of("bert", "BertForMaskedLM", _TEXT),
    _of("roberta", "RobertaForMaskedLM", _LIKE_ROBERTA),
    _of("xlm-roberta", "XLMRobertaForMaskedLM", _LIKE_ROBERTA),
    _of("camembert", "CamembertForMaskedLM", _LIKE_ROBERTA),
    _of("distilbert", "DistilBertForMaskedLM",
        {"vocab_size": VOCABULARY, "dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64, "pad_token_id": 0,
         "max_position_embeddings": POSITIONS}),
    _of("albert", "AlbertForMaskedLM", _TEXT, embedding_size=16),
    _of("electra", "ElectraForPreTraining", _TEXT, embedding_size=16),
    _of("deberta", "DebertaForMaskedLM", _TEXT, relative_attention=True, pos_att_type=["c2p", "p2c"]),
    _of("deberta-v2", "DebertaV2ForMaskedLM", _TEXT, relative_attention=True, position_buckets=8,
        norm_rel_ebd="layer_norm", share_att_key=True, pos_att_type=["p2c", "c2p"], position_biased_input=False),
    _of("mpnet", "MPNetForMaskedLM", _LIKE_ROBERTA),
    _of("mobilebert", "MobileBertForMaskedLM", _TEXT, embedding_size=32, intra_bottleneck_size=16,
        true_hidden_size=16),
    _of("squeezebert", "SqueezeBertForMaskedLM", _TEXT, embedding_size=32),
    _of("roformer", "RoFormerForMaskedLM", _TEXT, embedding_size=32),
    _of("fnet", "FNetForMaskedLM", _TEXT),
    _of("modernbert", "ModernBertForMaskedLM", _TEXT, local_attention=16, cls_token_id=1, sep_token_id=2),
    _of("big_bird", "BigBirdForMaskedLM", {**_TEXT, "max_position_embeddings": 256}, block_size=8,
        num_random_blocks=1, attention_type="block_sparse"),
    _of("longformer", "LongformerForMaskedLM", _LIKE_ROBERTA, attention_window=[8, 8]),
    _of("xlnet", "XLNetLMHeadModel",
        {"vocab_size": VOCABULARY, "d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 64}),
    _of("xlm", "XLMWithLMHeadModel",
        {"vocab_size": VOCABULARY, "emb_dim": 32, "n_layers": 2, "n_heads": 2, "max_position_embeddings": POSITIONS,
         "pad_index": 0, "unk_index": 1, "bos_index": 2, "eos_index": 3, "mask_index": 4}),
    # ---- decoders
    _of("gpt2", "GPT2LMHeadModel", _LIKE_GPT2),
    _of("openai-gpt", "OpenAIGPTLMHeadModel", _LIKE_GPT2),
    _of("ctrl", "CTRLLMHeadModel", _LIKE_GPT2, dff=64),
    _of("gpt_neo", "GPTNeoForCausalLM",
        {"vocab_size": VOCABULARY, "hidden_size": 32, "num_layers": 2, "num_heads": 2, "window_size": 8,
         "attention_types": [[["global", "local"], 1]], "max_position_embeddings": POSITIONS, "eos_token_id": 2,
         "bos_token_id": 1}),
    _of("gpt_neox", "GPTNeoXForCausalLM", _TEXT),
    _of("gptj", "GPTJForCausalLM", _LIKE_GPT2, rotary_dim=8),
    _of("gpt_bigcode", "GPTBigCodeForCausalLM", _LIKE_GPT2),
    _of("opt", "OPTForCausalLM", _TEXT, ffn_dim=64, word_embed_proj_dim=16),
    _of("bloom", "BloomForCausalLM", {"vocab_size": VOCABULARY, "hidden_size": 32, "n_layer": 2, "n_head": 2}),
    _of("falcon", "FalconForCausalLM", _TEXT),
    _of("mpt", "MptForCausalLM",
        {"vocab_size": VOCABULARY, "d_model": 32, "n_layers": 2, "n_heads": 2, "max_seq_len": POSITIONS}),
    _of("llama", "LlamaForCausalLM", _GROUPED),
    _of("mistral", "MistralForCausalLM", _GROUPED, sliding_window=16),
    _of("qwen2", "Qwen2ForCausalLM", _GROUPED),
    _of("qwen3", "Qwen3ForCausalLM", _GROUPED_HEAD),
    _of("gemma", "GemmaForCausalLM", _GROUPED_HEAD),
    _of("gemma2", "Gemma2ForCausalLM", _GROUPED_HEAD, sliding_window=16, query_pre_attn_scalar=16),
    _of("gemma3_text", "Gemma3ForCausalLM", _GEMMA3),
    _of("smollm3", "SmolLM3ForCausalLM", _GROUPED, no_rope_layer_interval=2),
    _of("phi", "PhiForCausalLM", _TEXT),
    _of("phi3", "Phi3ForCausalLM", _GROUPED),
    _of("stablelm", "StableLmForCausalLM", _GROUPED),
    _of("olmo2", "Olmo2ForCausalLM", _GROUPED),
    _of("mixtral", "MixtralForCausalLM", _GROUPED, num_local_experts=4),
    _of("olmoe", "OlmoeForCausalLM", _GROUPED, num_experts=4, num_experts_per_tok=2),
    _of("qwen2_moe", "Qwen2MoeForCausalLM", _GROUPED, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32,
        shared_expert_intermediate_size=32),
    _of("qwen3_moe", "Qwen3MoeForCausalLM", _GROUPED_HEAD, num_experts=4, num_experts_per_tok=2,
        moe_intermediate_size=32),
    _of("gpt_oss", "GptOssForCausalLM", _GROUPED_HEAD, num_local_experts=4, num_experts_per_tok=2, sliding_window=8),
    _of("deepseek_v2", "DeepseekV2ForCausalLM", _TEXT, kv_lora_rank=16, q_lora_rank=None, qk_nope_head_dim=16,
        qk_rope_head_dim=8, v_head_dim=16, n_routed_experts=4, n_shared_experts=1, num_experts_per_tok=2,
        moe_intermediate_size=32, first_k_dense_replace=1, n_group=1, topk_group=1),
    _of("mamba", "MambaForCausalLM", {"vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 2,
                                      "state_size": 8}),
    # ---- encoders with decoders
    _of("t5", "T5ForConditionalGeneration", _LIKE_T5),
    _of("mt5", "MT5ForConditionalGeneration", _LIKE_T5, feed_forward_proj="gated-gelu", tie_word_embeddings=False),
    _of("bart", "BartForConditionalGeneration", _LIKE_BART),
    _of("mbart", "MBartForConditionalGeneration", _LIKE_BART),
    _of("pegasus", "PegasusForConditionalGeneration", _LIKE_BART),
    _of("marian", "MarianMTModel", {**_LIKE_BART, "pad_token_id": 99, "decoder_start_token_id": 99}),
    _of("blenderbot", "BlenderbotForConditionalGeneration", _LIKE_BART),
    _of("m2m_100", "M2M100ForConditionalGeneration", _LIKE_BART),
    _of("led", "LEDForConditionalGeneration",
        {**_LIKE_BART, "max_encoder_position_embeddings": POSITIONS, "max_decoder_position_embeddings": POSITIONS},
        attention_window=[8, 8]),
    # ---- images
    _of("vit", "ViTForImageClassification", _IMAGES),
    _of("deit", "DeiTForImageClassification", _IMAGES),
    _of("beit", "BeitForImageClassification", _IMAGES),
    _of("swin", "SwinForImageClassification",
        {"image_size": IMAGE, "patch_size": 2, "embed_dim": 16, "depths": [1, 1], "num_heads": [2, 2],
         "window_size": 4}),
    _of("resnet", "ResNetForImageClassification",
        {"embedding_size": 16, "hidden_sizes": [16, 32], "depths": [1, 1]}),
    _of("convnext", "ConvNextForImageClassification", {"hidden_sizes": [16, 32], "depths": [1, 1], "num_stages": 2}),
    # ---- speech
    _of("whisper", "WhisperForConditionalGeneration",
        {**_LIKE_BART, "num_mel_bins": 8, "max_source_positions": 16, "max_target_positions": POSITIONS}),
    _of("speech_to_text", "Speech2TextForConditionalGeneration",
        {**_LIKE_BART, "input_feat_per_channel": 8, "conv_channels": 16, "max_source_positions": 512,
         "max_target_positions": POSITIONS}),
    _of("wav2vec2", "Wav2Vec2ForCTC", _AUDIO),
    _of("hubert", "HubertForCTC", _AUDIO),
    _of("wavlm", "WavLMForCTC", _AUDIO),
    _of("audio-spectrogram-transformer", "ASTForAudioClassification",
        {**_IMAGES, "max_length": 32, "num_mel_bins": 16, "frequency_stride": 4, "time_stride": 4}),
    # ---- text with image
    _of("clip", "CLIPModel", _CLIP_PARTS),
    _of("siglip", "SiglipModel", _CLIP_PARTS),
    _of("llava", "LlavaForConditionalGeneration",
        {"text_config": {"model_type": "llama", **_GROUPED},
         "vision_config": {"model_type": "clip_vision_model", **_IMAGES}},
        image_token_index=7, image_seq_length=16),
    _of("gemma3", "Gemma3ForConditionalGeneration",
        {"text_config": {"model_type": "gemma3_text", **_GEMMA3},
         "vision_config": {"model_type": "siglip_vision_model", **_IMAGES, "vision_use_head": False}},
        boi_token_index=8, eoi_token_index=9, image_token_index=7, mm_tokens_per_image=4),
    # ---- of an encoder and a decoder of other types
    _of("vision-encoder-decoder", "VisionEncoderDecoderModel",
        {"encoder": {"model_type": "vit", **_IMAGES},
         "decoder": {"model_type": "bert", **_TEXT, "is_decoder": True, "add_cross_attention": True}},
        decoder_start_token_id=1, pad_token_id=0),
])  # fmt: skip

# Types whose tables of positions end, and where.
LIMITED = {
    "bert": 64, "roberta": 64, "xlm-roberta": 64, "distilbert": 64, "mpnet": 64, "electra": 64, "longformer": 64,
    "gpt2": 64, "gpt_neo": 64, "opt": 64, "bart": 64, "pegasus": 64, "marian": 64, "whisper": 64, "clip": 64,
    "vision-encoder-decoder": 64,
}  # fmt: skip

# Types that take any length, and only lose meaning.
UNLIMITED = ("t5", "bloom", "llama", "gpt_neox", "deberta-v2", "modernbert")


def tiny(model_type: str, architecture: str | None = None, **more: Any) -> Config:
    """Return a configuration of the caller's own; `architecture` puts another head on it."""
    config = copy.deepcopy(TINY[model_type])
    if architecture is not None:
        config["architectures"] = [architecture]
    return {**config, **more}
