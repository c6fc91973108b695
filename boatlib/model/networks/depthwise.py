"""Depthwise convolutions, quick to learn with on a CPU: the same numbers, but for rounding.

The gradient of a kernel wider than three columns takes oneDNN ten times as long as that of a narrow one, so it is computed in
pieces of three columns. benchmarks/finetune.py measures what it brings.
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional

WIDE = 3  # columns of a kernel, more of which are slow


def convolve(
    layer: nn.Conv2d,
    maps: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    padding: tuple[int, int] | None = None,
) -> torch.Tensor:
    """What a layer returns for maps, float32 [n, channels, height, width], with such weight, bias and padding (default: its)."""
    if is_wide(layer) and weight.requires_grad and _is_slow(maps):
        how = layer.stride, layer.padding if padding is None else padding
        return _Wide.apply(maps, weight, bias, *how)  # type: ignore[no-untyped-call, no-any-return]
    if padding is None:
        return layer._conv_forward(maps, weight, bias)
    return functional.conv2d(maps, weight, bias, layer.stride, padding, layer.dilation, layer.groups)


def is_wide(layer: nn.Conv2d) -> bool:
    """Whether it is depthwise, with a kernel that is wide; padding is by numbers, and there is no dilation."""
    depthwise = layer.groups == layer.in_channels == layer.out_channels > 1
    plain = layer.dilation == (1, 1) and layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    return depthwise and plain and layer.kernel_size[1] > WIDE


def _is_slow(maps: torch.Tensor) -> bool:
    cpu = maps.device.type == "cpu" and maps.dtype == torch.float32
    return cpu and torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu")


class WideConv2d(nn.Conv2d):
    """A depthwise convolution with a wide kernel, which is no part of a batch-norm."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """float32 [n, channels, height, width] in and out."""
        return convolve(self, maps, self.weight, self.bias)


class _Wide(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,  # noqa: ANN401
        maps: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        stride: tuple[int, int],
        padding: tuple[int, int],
    ) -> torch.Tensor:
        ctx.save_for_backward(maps, weight)
        ctx.how = stride, padding, bias is not None
        return functional.conv2d(maps, weight, bias, stride, padding, 1, maps.shape[1])

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # type: ignore[override]  # noqa: ANN401
        maps, weight = ctx.saved_tensors
        stride, (above, aside), has_bias = ctx.how
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        channels, width = maps.shape[1], gradient.shape[3]

        def part(maps: torch.Tensor, weight: torch.Tensor, padding: tuple[int, int], of_maps: bool) -> torch.Tensor:
            how = None, stride, padding, (1, 1), False, (0, 0), channels, (of_maps, not of_maps, False)
            found = torch.ops.aten.convolution_backward(gradient, maps, weight, *how)
            return found[0] if of_maps else found[1]

        of_maps = part(maps, weight, (above, aside), True) if ctx.needs_input_grad[0] else None
        padded, pieces = functional.pad(maps, (aside, aside)), []
        for first in range(0, weight.shape[3], WIDE):
            columns = weight[..., first : first + WIDE].contiguous(memory_format=torch.channels_last)
            seen = padded[..., first : first + (width - 1) * stride[1] + columns.shape[3]]
            pieces.append(part(seen, columns, (above, 0), False))
        of_bias = gradient.sum((0, 2, 3)) if has_bias else None
        return of_maps, torch.cat(pieces, dim=3), of_bias, None, None
