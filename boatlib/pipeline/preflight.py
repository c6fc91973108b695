"""What can be known before the first step: it is refused now, and not by a later step or after a training."""

from boatlib import runtime
from boatlib.errors import ParameterError
from boatlib.model.networks import auto, backbones
from boatlib.order import natural
from boatlib.params import AUTO, Params
from boatlib.photos import shapes, sources
from boatlib.photos.corrections import Corrections


def examine(params: Params, elsewhere: bool = False) -> str:
    """Check settings against networks, photos, decisions and machine; returns sentences, a line each: how the set was understood,
    where that is not obvious, and which decisions were read.

    Photos and weights that are not at hand are fetched. elsewhere: the steps run on other machines, which look for themselves.
    Raises ParameterError, DataError.
    """
    _examine_networks(params, params.compute.machine() if not elsewhere else runtime.machine())
    if not elsewhere:
        params.compute.check()
    listing = sources.read(params.images, params.exploration, params.split.group_by)
    if wanted := params.evaluation.show_class:
        classes = natural(set(listing.used["label"]))
        if wanted not in classes:
            raise ParameterError(
                f"evaluation.show_class: there is no class {wanted!r} in {params.images}. There are: {', '.join(classes[:40])}."
            )
    return "\n".join([*listing.notes, *filter(None, [Corrections.named(params.exploration.corrections).check()])])


def decided(params: Params) -> Params:
    """The same, with what `auto` stands for in `training.resolution` and `training.pooling`. Raises ParameterError, DataError."""
    training = params.training
    if AUTO not in (training.resolution, training.pooling):
        return params
    listing = sources.read(params.images, params.exploration, params.split.group_by)
    shape = (
        shapes.of_files(listing.root, listing.used["photo"].tolist()) if training.resolution == AUTO else shapes.USUAL
    )
    return params.model_copy(update={"training": auto.decided(training, shape)})


def _examine_networks(params: Params, on: runtime.Machine) -> None:
    """Weights that fit, pictures of a size that the network takes, a way of pooling that it has, a stage that is one of its own.

    What was built once is not built again: its converted form is in the cache.
    """
    settings = params.training
    found = backbones.find_backbones(
        settings.backbone,
        settings.weights,
        params.seed,
        settings.resolution,
        settings.pooling,
        on=on,
    )
    for backbone in found:
        if settings.mode == "finetune":
            body = backbone.build(auxiliary=True)
            if settings.unfreeze != "all":
                body.check_stage(settings.unfreeze)
        elif not backbone.is_ready():
            backbone.build()
