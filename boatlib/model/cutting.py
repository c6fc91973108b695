"""A network cut in two: a trunk, which stays as it is, and a tail, which learns on what the trunk has seen once."""

import copy
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import nn

from boatlib.errors import ParameterError
from boatlib.model import engines
from boatlib.model.backbones import Backbone, picture
from boatlib.model.networks import Body
from boatlib.model.views import Preprocessing

CLOSE = 1e-3  # the whole and its two parts must agree up to rounding


class Trunk(nn.Module):
    """Pictures in, uint8 [n, height, width, 3]; out, side by side: the features of the whole network, and what enters a stage."""

    def __init__(self, body: Body, stage: str) -> None:
        super().__init__()
        self.body = body
        self.seen: list[torch.Tensor] = []
        body.network.get_submodule(stage).register_forward_pre_hook(lambda _, inputs: self.seen.append(inputs[0]))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """float32 [n, features + numbers of the map]."""
        self.seen.clear()
        features = self.body(pictures)
        return torch.cat([features, self.seen.pop().flatten(1)], dim=1)


class Tail(Body):
    """The network from a stage on: what enters that stage in, flat; features out. Its weights keep their names."""

    def __init__(self, body: Body, stage: str, shape: torch.Size) -> None:
        super().__init__(copy.deepcopy(body.network), body.preprocessing)
        self.shape = shape
        parent: nn.Module = self.network
        for name in stage.split("."):
            for other, _ in list(parent.named_children()):
                if other == name:
                    break
                setattr(parent, other, nn.Identity())
            parent = parent.get_submodule(name)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Features, float32 [n, features], of flat maps [n, channels x height x width]."""
        maps = rows.unflatten(1, self.shape)
        return self.network(maps.to(memory_format=torch.channels_last))


@dataclass(frozen=True)
class CutBackbone:
    """A backbone up to a stage, as what embeds photos: its features, and the map from which the tail goes on."""

    backbone: Backbone
    stage: str

    @property
    def name(self) -> str:
        """The network's name."""
        return self.backbone.name

    @property
    def key(self) -> str:
        """Names the content; with a view it names the cache."""
        return f"{self.backbone.key}-before-{self.stage}"

    @property
    def preprocessing(self) -> Preprocessing:
        """How views must be made."""
        return self.backbone.preprocessing

    def engine(self) -> engines.Engine:
        """Ready to compute: pictures in; features and map out, side by side."""
        return engines.compiled(self.key, self._trunk, picture(self.preprocessing))

    def _trunk(self) -> Trunk:
        return Trunk(self.backbone.build(), self.stage)

    @cached_property
    def tail(self) -> Tail:
        """What learns. Raises ParameterError when the network has no such stage, or cannot be cut there."""
        body = self.backbone.build()
        body.check_stage(self.stage)
        trunk = Trunk(body, self.stage)
        example = torch.randint(0, 256, (1, *self.preprocessing.shape, 3), dtype=torch.uint8)
        with torch.no_grad():
            try:
                features = body(example)
                shape = trunk.seen[-1].shape[1:]
                tail = Tail(body, self.stage, shape).eval()
                again = tail(trunk(example)[:, features.shape[1] :])
                fits = bool((features - again).abs().max() <= CLOSE * features.abs().max())
            except (RuntimeError, IndexError, TypeError):
                fits = False
        if not fits:
            raise ParameterError(
                f"{self.name} cannot be cut before {self.stage}: its parts do not follow each other in a row there. Name "
                "another stage in training.unfreeze, or set training.mode to finetune."
            )
        return tail
