"""Batch-norm whose statistics stand still, computed as part of the convolution before it: the same numbers, but for rounding, and
the same gradients, without a pass over every map forwards and one back."""

from collections import Counter
from typing import Any

import torch
from timm.layers import BatchNormAct2d, Conv2dSame
from timm.layers.padding import pad_same_arg
from torch import nn
from torch.nn import functional

from boatlib.model.networks import depthwise
from boatlib.model.networks.modules import Body

AS_BEFORE = 1e-3  # of the largest feature: the rounding of some fifty layers stays far below


def prepare(body: Body) -> None:
    """Make a body quick to learn with: batch-norms folded, wide kernels in pieces, weights channels last, as pictures come."""
    fold(body)
    for part in body.network.modules():
        if type(part) is nn.Conv2d and depthwise.is_wide(part):
            part.__class__ = depthwise.WideConv2d
    body.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def fold(body: Body) -> int:
    """Fold every batch-norm of a body that is alone behind a convolution; returns how many. Names of parameters and buffers stay.

    A body whose features change by it is left as it was. It is for learning, where batch-norm stays in evaluation mode, and not
    for keeping.
    """
    picture = torch.zeros(1, *body.preprocessing.shape, 3, dtype=torch.uint8)
    picture[:, ::2] = 255  # stripes
    training = body.training
    body.eval()
    pairs = _pairs(body, picture)
    with torch.inference_mode():
        before = body(picture)
        for convolution, norm in pairs:
            _join(convolution, norm)
        folded = (body(picture) - before).abs().max() <= AS_BEFORE * before.abs().max()
    if not folded:
        for convolution, norm in pairs:
            _part(convolution, norm)
    body.train(training)
    return len(pairs) if folded else 0


def _pairs(body: Body, picture: torch.Tensor) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Convolutions and the batch-norms that are given just what they return."""
    made: dict[int, tuple[nn.Conv2d, torch.Tensor]] = {}
    found: dict[int, tuple[nn.Conv2d, nn.BatchNorm2d]] = {}

    def convolved(part: nn.Module, _: Any, output: torch.Tensor) -> None:  # noqa: ANN401
        made[id(output)] = (part, output)  # type: ignore[assignment]

    def normalises(part: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        if id(given[0]) in made:
            convolution = made[id(given[0])][0]
            found[id(convolution)] = (convolution, part)  # type: ignore[assignment]

    hooks = []
    for part in body.network.modules():
        if type(part) is nn.Conv2d or (type(part) is Conv2dSame and part.dilation == (1, 1)):
            hooks.append(part.register_forward_hook(convolved))
        elif type(part) in NORMS and part.affine and part.track_running_stats:
            hooks.append(part.register_forward_pre_hook(normalises))
    with torch.inference_mode():
        body(picture)
    for hook in hooks:
        hook.remove()
    uses = Counter(id(norm) for _, norm in found.values())
    return [pair for pair in found.values() if uses[id(pair[1])] == 1]


class FoldedConv2d(nn.Conv2d):
    """A convolution that does the work of the batch-norm behind it."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """float32 [n, channels, height, width] in and out."""
        return depthwise.convolve(self, maps, *_weights(self))


class FoldedConv2dSame(Conv2dSame):
    """The same for timm's convolution that pads as TensorFlow does: where that is more on the right, a kernel with as many
    columns of zeros spares a larger copy of the maps."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """float32 [n, channels, height, width] in and out."""
        weight, bias = _weights(self)
        left, right, top, bottom = pad_same_arg(
            list(maps.shape[2:]), list(self.kernel_size), list(self.stride), list(self.dilation)
        )
        larger = functional.pad(weight, (right - left, 0, bottom - top, 0))
        return depthwise.convolve(self, maps, larger, bias, (bottom, right))


class PassedBatchNorm2d(nn.BatchNorm2d):
    """A batch-norm whose work is done already."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Nothing changes."""
        return maps


class PassedBatchNormAct2d(BatchNormAct2d):
    """timm's batch-norm with an activation, of which only that is left."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """float32 [n, channels, height, width] in and out."""
        return self.act(self.drop(maps))


CONVOLUTIONS = {nn.Conv2d: FoldedConv2d, Conv2dSame: FoldedConv2dSame}
NORMS = {nn.BatchNorm2d: PassedBatchNorm2d, BatchNormAct2d: PassedBatchNormAct2d}


def _join(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    convolution.__dict__["norm"] = [norm]  # in a list, so that it is no part of the convolution
    convolution.__class__, norm.__class__ = CONVOLUTIONS[type(convolution)], NORMS[type(norm)]


def _part(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    convolution.__class__, norm.__class__ = type(convolution).__mro__[1], type(norm).__mro__[1]
    del convolution.__dict__["norm"]


def _weights(convolution: nn.Conv2d) -> tuple[torch.Tensor, torch.Tensor]:
    """Those of convolution and batch-norm together, through which the gradient reaches both."""
    norm = convolution.__dict__["norm"][0]
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    mean = norm.running_mean if convolution.bias is None else norm.running_mean - convolution.bias
    return convolution.weight * scale.view(-1, 1, 1, 1), norm.bias - mean * scale
