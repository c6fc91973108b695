"""Batch-norm as part of the convolution before it: the same features and gradients, and the same names."""

import copy

import pytest
import torch
from torch import nn

from boatlib.model.networks import backbones, folding
from boatlib.model.networks.modules import Body

ALL = 1.0


def pictures(body, count=3):
    random = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, *body.preprocessing.shape, 3), generator=random, dtype=torch.uint8)


def learnt(body, shown):
    """Features and all gradients of one step."""
    body.train().zero_grad()
    features = body(shown)
    features.square().mean().backward()
    return features.detach(), torch.cat([own.grad.flatten() for own in body.parameters() if own.grad is not None])


@pytest.mark.parametrize(
    ("name", "share"), [("efficientnet_lite0", ALL), ("resnet18", ALL), ("densenet121", 0.4), ("convnext_tiny", 0)]
)
def test_features_and_gradients_stay_the_same(name, share):
    body = backbones.find_backbone(name, "default" if name.startswith("efficientnet") else "none", 0, "64x96").build()
    norms = sum(isinstance(part, nn.BatchNorm2d) for part in body.modules())
    folded = copy.deepcopy(body)
    number = folding.fold(copy.deepcopy(body))
    folding.prepare(folded)
    assert number >= share * norms
    assert (number == 0) is (norms == 0)
    shown = pictures(body)
    (before, gradient), (after, own) = learnt(body, shown), learnt(folded, shown)
    torch.testing.assert_close(after, before, rtol=1e-3, atol=1e-4 * float(before.abs().max()))
    assert (own - gradient).norm() < 2e-3 * gradient.norm()
    assert list(folded.state_dict()) == list(body.state_dict())


def test_a_copy_of_it_learns_for_itself():
    body = backbones.find_backbone("resnet18", "none", 0, "64x96").build()
    folding.prepare(body)
    twin = copy.deepcopy(body)
    with torch.no_grad():
        for own in twin.parameters():
            own.mul_(0.5)
    shown = pictures(body)
    before, halved = body.eval()(shown), twin.eval()(shown)
    assert not torch.allclose(before, halved)
    twin.load_state_dict(body.state_dict())
    assert torch.equal(twin(shown), before)


class Twice(nn.Module):
    """What its convolution returns is used without the batch-norm, too."""

    def __init__(self):
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4)
        nn.init.constant_(self.norm.running_mean, 0.5)

    def forward(self, maps):
        once = self.convolution(maps)
        return (once + self.norm(once)).mean((2, 3))


class Shared(nn.Module):
    """One batch-norm behind two convolutions."""

    def __init__(self):
        super().__init__()
        self.one, self.other, self.norm = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        nn.init.constant_(self.norm.running_mean, 0.5)

    def forward(self, maps):
        return (self.norm(self.one(maps)) + self.norm(self.other(maps))).mean((2, 3))


@pytest.mark.parametrize("network", [Twice, Shared])
def test_a_network_that_it_would_change_is_left_as_it_was(network):
    body = Body(network(), backbones.preprocessing_of("resnet18", "64x96"))
    shown = pictures(body)
    before, kinds = body.eval()(shown), [type(part) for part in body.modules()]
    assert folding.fold(body) == 0
    assert [type(part) for part in body.modules()] == kinds
    assert torch.equal(body(shown), before)
