"""Where Transformers maps configurations to models.  Names alone: both the notebook and its workers import this."""

from __future__ import annotations

BASE, HEAD, GENERATIVE = "base", "head", "generative"

# A class of a kind is looked up in these, in this order: what a model generates from decides before what it can also
# be used for.  Those that an older version does not have are left out.
CLASS_MAPPINGS = {
    BASE: ("MODEL_MAPPING",),
    HEAD: (
        "MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING",
        "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING",
        "MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING",
        "MODEL_FOR_CTC_MAPPING",
        "MODEL_FOR_MASKED_LM_MAPPING",
        "MODEL_FOR_CAUSAL_LM_MAPPING",
        "MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION_MAPPING",  # models of texts with images, without a head
        "MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING",
        "MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING",
        "MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING",
        "MODEL_FOR_OBJECT_DETECTION_MAPPING",
        "MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING",
        "MODEL_FOR_VISUAL_QUESTION_ANSWERING_MAPPING",
    ),
    GENERATIVE: (
        "MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING",
        "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING",
        "MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING",
        "MODEL_FOR_CAUSAL_LM_MAPPING",
    ),
}

WEIGHT_FILES = {
    "model*.safetensors": ("model.safetensors", "model.safetensors.index.json"),
    "pytorch_model*.bin": ("pytorch_model.bin", "pytorch_model.bin.index.json"),
}
"""How PyTorch's checkpoints store weights: the pattern of the files, and those of which one is there if they are."""
