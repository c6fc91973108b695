"""The torch modules: the body that turns a photo into features, and the head that turns features into classes."""

import torch
from torch import nn

from boatlib.model.views import Preprocessing

HIDDEN = 256
DROPOUT = 0.4


class Body(nn.Module):
    """A backbone behind its own normalisation: uint8 [n, size, size, 3] in, float32 [n, features] out."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, network: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(preprocessing.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(preprocessing.std).view(1, 3, 1, 1), persistent=False)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Normalise and embed."""
        scaled = pictures.permute(0, 3, 1, 2).float() / 255
        return self.network((scaled - self.mean) / self.std)


def article_head(features: int, classes: int) -> nn.Sequential:
    """The article's head: Linear 256, ReLU, Dropout 0.4, Linear, LogSoftmax. Gives log-probabilities."""
    return nn.Sequential(
        nn.Linear(features, HIDDEN),
        nn.ReLU(),
        nn.Dropout(DROPOUT),
        nn.Linear(HIDDEN, classes),
        nn.LogSoftmax(dim=1),
    )
