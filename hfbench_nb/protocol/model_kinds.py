"""Where Transformers maps configurations to models.  Names alone: both ends of a measurement import this module."""

from __future__ import annotations

# A class for a task is looked up in these, in this order: what a model generates from decides before what it can also
# be used for.  Those that an older version does not have are left out.
CLASS_MAPPINGS = {
    "inference": ("MODEL_MAPPING",),
    "training": (
        "MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING",
        "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING",
        "MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING",
        "MODEL_FOR_CTC_MAPPING",
        "MODEL_FOR_MASKED_LM_MAPPING",
        "MODEL_FOR_CAUSAL_LM_MAPPING",
        "MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION_MAPPING",  # models of texts with images, without a head
        "MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING",
        "MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING",
    ),
}
