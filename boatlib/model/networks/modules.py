"""The torch modules: the body that turns a photo into features, the head that names its class, and both together."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from boatlib.errors import ParameterError
from boatlib.model.inputs.views import Preprocessing

HIDDEN = 256  # units of the head, between features and classes
DROPOUT = 0.4


class Body(nn.Module):
    """A backbone behind its own normalisation: uint8 [n, size, size, 3] in, float32 [n, features] out.

    name, key: of the backbone that it was built from; key names its content, so whoever changes the weights changes the key.

    While it is trained, batch-norm keeps the statistics of its pretraining, and what is frozen stays in evaluation mode.
    So a gradient does not depend on how a batch is divided among processes or parts.
    """

    mean: torch.Tensor
    std: torch.Tensor
    name = key = ""

    def __init__(
        self, network: nn.Module, preprocessing: Preprocessing, has_classifier: bool = False, pooling: str = "default"
    ) -> None:
        super().__init__()
        self.network = network
        self.preprocessing = preprocessing
        self.pooling = pooling
        if pooling != "default":
            _pool_both_ways(network)
        self.auxiliary = _take_classifiers_off(network) if has_classifier else []
        self.register_buffer("mean", torch.tensor(preprocessing.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(preprocessing.std).view(1, 3, 1, 1), persistent=False)

    @property
    def auxiliary_parts(self) -> tuple[str, ...]:
        """Names of the parts of the network that only serve its auxiliary outputs, with a dot at the end."""
        return tuple(f"{path.split('.')[0]}." for path in self.auxiliary)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Features. A network with auxiliary outputs, in training mode, gives a tuple of features and those outputs."""
        scaled = pictures.permute(0, 3, 1, 2).float() / 255
        return self.network((scaled - self.mean) / self.std)

    def drop_auxiliary(self) -> None:
        """Take the auxiliary outputs out; a prediction does not need them."""
        for part in self.auxiliary_parts:
            setattr(self.network, part[:-1], None)
        self.auxiliary = []

    def teach_auxiliary(self, classes: int) -> None:
        """Give the auxiliary outputs `classes` classes, with random weights."""
        for path in self.auxiliary:
            old = self.network.get_submodule(path)
            _replace(self.network, path, nn.Linear(old.in_features, classes))  # type: ignore[arg-type]

    def freeze_before(self, stage: str) -> None:
        """Freeze what comes before a stage (the name of a part, such as "blocks.5"); "all" freezes nothing.

        Raises ParameterError that lists the stages.
        """
        first = 0 if stage == "all" else self.check_stage(stage)
        for number, parameter in enumerate(self.network.parameters()):
            parameter.requires_grad_(number >= first)

    def check_stage(self, stage: str) -> int:
        """The number of the first parameter of a stage. Raises ParameterError that lists the stages when there is none."""
        names = [name for name, _ in self.network.named_parameters()]
        inside = [name == stage or name.startswith(f"{stage}.") for name in names]
        if not any(inside):
            raise ParameterError(f"training.unfreeze: the network has no stage {stage!r}. It has: {_stages(names)}.")
        return inside.index(True)

    def train(self, mode: bool = True) -> "Body":
        """Training mode for what learns; evaluation mode for batch-norm and for frozen parts."""
        super().train(mode)
        for part in self.network.modules():
            parameters = list(part.parameters())
            frozen = parameters and not any(parameter.requires_grad for parameter in parameters)
            if frozen or isinstance(part, nn.modules.batchnorm._BatchNorm):
                part.eval()
        return self


class MeanAndGeM(nn.Module):
    """Two features of each channel of a map: its mean, and its generalised mean with the power 3, in which places that see much
    count more, so that what is small in a photo is not lost.

    F. Radenovic, G. Tolias, O. Chum, Fine-tuning CNN image retrieval with no human annotation, TPAMI 2019.
    """

    def __init__(self, flat: bool) -> None:
        super().__init__()
        self.flat = flat

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """float32 [n, channels, height, width] in; [n, 2 x channels] out, or [n, 2 x channels, 1, 1] where not flat."""
        mean = maps.mean((2, 3), keepdim=True)
        generalised = maps.clamp(min=1e-6).pow(3).mean((2, 3), keepdim=True).pow(1 / 3)
        both = torch.cat([mean, generalised], dim=1)
        return both.flatten(1) if self.flat else both


def _pool_both_ways(network: nn.Module) -> None:
    """Put MeanAndGeM in the place of the mean over the last map. Raises LookupError when there is no such place."""
    for name, flat in (("global_pool", True), ("avgpool", False)):  # as timm and torchvision name it
        mean = getattr(network, name, None)
        if isinstance(mean, nn.Module) and getattr(mean, "output_size", 1) in (1, (1, 1)):
            setattr(network, name, MeanAndGeM(flat))
            return
    raise LookupError("no mean over the last map")


def _stages(names: list[str]) -> str:
    """The parts that can be named, without repetition: two levels deep where a part is a row of numbered blocks."""
    stages: dict[str, None] = {}
    for name in names:
        first, _, rest = name.partition(".")
        second = rest.split(".")[0]
        stages[f"{first}.{second}" if second.isdigit() else first] = None
    return ", ".join(stages)


def _replace(network: nn.Module, path: str, new: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    setattr(network.get_submodule(parent), name, new)


def _take_classifiers_off(network: nn.Module) -> list[str]:
    """Replace the classifier, which is the last layer with weights, by nothing; returns where its auxiliary classifiers are.

    An auxiliary classifier is another linear layer with as many outputs, in a part of its own.
    """
    layers = [(path, part) for path, part in network.named_modules() if isinstance(part, nn.Linear | nn.Conv2d)]
    path, classifier = layers[-1]
    outputs = classifier.weight.shape[0]
    _replace(network, path, nn.Identity())
    own = path.split(".")[0]
    return [
        other
        for other, part in layers[:-1]
        if isinstance(part, nn.Linear) and part.out_features == outputs and other.split(".")[0] != own
    ]


class Classifier(nn.Module):
    """What is trained: a head on features that are there already, or, with a body, a whole network on pictures."""

    def __init__(self, head: nn.Module, body: Body | None = None) -> None:
        super().__init__()
        self.head = head
        self.body = body

    def forward(self, rows: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Log-probabilities of the head, and those of the auxiliary outputs, which only exist while it is trained."""
        features = rows if self.body is None else self.body(rows)
        features, *others = features if isinstance(features, tuple) else (features,)
        return self.head(features), [other.log_softmax(1) for other in others if other is not None]


class KernelEvidence(nn.Module):
    """Evidence for the classes by kernel ridge regression (`inference.familiarity`), in torch: unfamiliarity."""

    def __init__(
        self,
        mean: np.ndarray,
        components: np.ndarray,
        reference: np.ndarray,
        weights: np.ndarray,
        width: float,
        power: int,
    ) -> None:
        super().__init__()
        self.width, self.power = width, power
        self.mean, self.components = nn.Buffer(torch.from_numpy(mean)), nn.Buffer(torch.from_numpy(components))
        self.reference, self.weights = nn.Buffer(torch.from_numpy(reference)), nn.Buffer(torch.from_numpy(weights))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """float32 [n, features] to unfamiliarity, float32 [n]."""
        directions = nn.functional.normalize((features[:, : len(self.mean)] - self.mean) @ self.components)
        kernel = torch.exp(2 * self.width * (directions @ self.reference.T - 1))
        return 1 - (kernel @ self.weights).clamp(0, 1).pow(self.power).sum(dim=1)


class Deployed(nn.Module):
    """A whole saved model, as it leaves the house: pictures for each body in, probabilities and unfamiliarity out."""

    def __init__(self, bodies: Sequence[Body], head: nn.Module, strange: nn.Module) -> None:
        super().__init__()
        self.bodies = nn.ModuleList(bodies)
        self.head = head
        self.strange = strange

    def forward(self, *pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """float32 [n, classes] and [n]; each picture is uint8 [n, size, size, 3] in the size of its body."""
        features = torch.cat([body(picture) for body, picture in zip(self.bodies, pictures, strict=True)], dim=1)
        return self.head(features).exp(), self.strange(features)


@dataclass(frozen=True)
class Network:
    """Bodies, side by side, and the head on top of them."""

    bodies: list[Body]
    head: nn.Module


class RowDropout(nn.Module):
    """Dropout whose choice can be made outside, row by row: then it does not depend on how a step is divided into parts."""

    def __init__(self, share: float, width: int) -> None:
        super().__init__()
        self.share = share
        self.width = width  # of the rows
        self.keep: torch.Tensor | None = None  # bool [rows, width], for the next pass

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Zeros where a unit pauses; the others grow, so that the sum stays the same on average."""
        if not self.training or self.keep is None:
            return nn.functional.dropout(rows, self.share, self.training)
        return rows * self.keep / (1 - self.share)


def article_head(features: int, classes: int, dropout: float = DROPOUT, hidden: int = HIDDEN) -> nn.Sequential:
    """The article's head: Linear, ReLU, Dropout, Linear, LogSoftmax. Gives log-probabilities."""
    return nn.Sequential(
        nn.Linear(features, hidden),
        nn.ReLU(),
        RowDropout(dropout, hidden),
        nn.Linear(hidden, classes),
        nn.LogSoftmax(dim=1),
    )


def head_of(tensors: Mapping[str, torch.Tensor], dropout: float = DROPOUT) -> nn.Sequential:
    """A head with weights that were learnt, by their names in `article_head`."""
    hidden, features = tensors["0.weight"].shape
    head = article_head(features, len(tensors["3.bias"]), dropout, hidden)
    head.load_state_dict(tensors)
    return head.eval()


def together(networks: Sequence[Network], shares: Sequence[float]) -> Network:
    """Networks that answer together: all bodies side by side, and one head that gives the mean of their log-probabilities, each
    with its share (normalised: a geometric mean of their probabilities).

    The hidden units of each see the features of its own bodies only. Two layers of the sum are the sum of two layers, so
    what comes out is a head like any other.
    """
    if len(networks) == 1:
        return networks[0]
    heads = [network.head.state_dict() for network in networks]
    merged = {
        "0.weight": torch.block_diag(*(head["0.weight"] for head in heads)),
        "0.bias": torch.cat([head["0.bias"] for head in heads]),
        "3.weight": torch.cat([share * head["3.weight"] for head, share in zip(heads, shares, strict=True)], dim=1),
        "3.bias": torch.stack([share * head["3.bias"] for head, share in zip(heads, shares, strict=True)]).sum(dim=0),
    }
    return Network([body for network in networks for body in network.bodies], head_of(merged))


def tempered(head: nn.Module, temperature: float) -> nn.Module:
    """A copy of a head with the confidences of a temperature: its last linear layer, divided by it. The answers stay the same.

    C. Guo et al., On calibration of modern neural networks, ICML 2017.
    """
    head = copy.deepcopy(head)
    last = [part for part in head.modules() if isinstance(part, nn.Linear)][-1]
    with torch.no_grad():
        last.weight.div_(temperature)
        last.bias.div_(temperature)
    return head
