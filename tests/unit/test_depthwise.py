"""Depthwise convolutions with wide kernels: the same maps and gradients as torch computes."""

import copy

import pytest
import torch
from torch import nn

from boatlib.model.networks import depthwise


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "bias", "side"),
    [
        (5, 1, 2, True, 7),
        (7, 1, 3, True, 6),
        (5, 2, 2, False, 9),
        (6, 2, 2, True, 8),
        ((3, 9), (2, 1), (1, 4), True, 8),
    ],
)
def test_maps_and_gradients_are_the_same(kernel, stride, padding, bias, side):
    torch.manual_seed(0)
    plain = nn.Conv2d(8, 8, kernel, stride, padding, groups=8, bias=bias)
    assert depthwise.is_wide(plain)
    quick = copy.deepcopy(plain)
    quick.__class__ = depthwise.WideConv2d
    maps = torch.randn(3, 8, side, side + 1)
    outputs, inputs = [], []
    for layer in (plain, quick):
        inputs.append(maps.clone().requires_grad_())
        outputs.append(layer(inputs[-1]))
        outputs[-1].square().sum().backward()
    assert type(outputs[1].grad_fn).__name__ == "_WideBackward"
    torch.testing.assert_close(outputs[1], outputs[0])
    torch.testing.assert_close(inputs[1].grad, inputs[0].grad)
    for own, expected in zip(quick.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(own.grad, expected.grad)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(8, 8, 3, groups=8),
        nn.Conv2d(8, 8, 5),
        nn.Conv2d(8, 16, 5, groups=8),
        nn.Conv2d(8, 8, 5, groups=8, dilation=2),
        nn.Conv2d(8, 8, 5, groups=8, padding="same"),
    ],
)
def test_others_are_left_to_torch(layer):
    assert not depthwise.is_wide(layer)


def test_half_precision_is_left_to_torch():
    layer = depthwise.WideConv2d(8, 8, 5, groups=8)
    with torch.autocast("cpu", torch.bfloat16):
        maps = layer(torch.randn(1, 8, 7, 7))
    assert maps.dtype == torch.bfloat16
    assert type(maps.grad_fn).__name__ != "_WideBackward"
