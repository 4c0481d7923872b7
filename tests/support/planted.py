"""A model whose weights and working memory are of sizes that its configuration names."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoModel, PretrainedConfig, PreTrainedModel


class PlantedConfig(PretrainedConfig):
    model_type = "hfbench-planted"

    def __init__(self, weights_mib: int = 1, working_mib: int = 1, **kwargs: Any) -> None:
        self.weights_mib = weights_mib
        self.working_mib = working_mib
        self.vocab_size = 10
        super().__init__(**kwargs)


class PlantedModel(PreTrainedModel):
    config_class = PlantedConfig

    def __init__(self, config: PlantedConfig) -> None:
        super().__init__(config)
        self.weight = torch.nn.Parameter(torch.zeros(config.weights_mib << 10, 256))
        self.post_init()

    def forward(self, input_ids: torch.Tensor) -> tuple[torch.Tensor]:
        return (torch.ones(self.config.working_mib << 10, 256)[:1],)


AutoModel.register(PlantedConfig, PlantedModel)
