"""What can be known before the first step: it is refused now, and not by a later step or after a training."""

from boatlib import runtime
from boatlib.errors import ParameterError, UnreadablePhotoError
from boatlib.model.inference import bundle, held_out
from boatlib.model.networks import auto, backbones
from boatlib.order import natural
from boatlib.params import AUTO, Params
from boatlib.photos import arrivals, shapes, sources
from boatlib.photos.corrections import Corrections
from boatlib.photos.images import thumbnail
from boatlib.photos.layout.listing import Listing
from boatlib.run import TO_LABEL, Run, project_root


def examine(params: Params, elsewhere: bool = False) -> tuple[Params, list[str]]:
    """Check settings against networks, photos, decisions and machine. Returns them with what `auto` stands for, and sentences:
    how the set was understood, where that is not obvious, and which decisions were read.

    Photos and weights that are not at hand are fetched. elsewhere: the steps run on other machines, which look for themselves.
    Raises ParameterError, DataError.
    """
    if params.model:
        return params, _examine_new(params, elsewhere)
    listing = sources.read(params.images, params.exploration, params.split.group_by)
    params, words = _decided(params, listing)
    _examine_networks(params, params.compute.machine() if not elsewhere else runtime.machine())
    if not elsewhere:
        params.compute.check()
    if wanted := params.evaluation.show_class:
        classes = natural(set(listing.used["label"]))
        if wanted not in classes:
            raise ParameterError(
                f"evaluation.show_class: there is no class {wanted!r} in {params.images}. There are: {', '.join(classes[:40])}."
            )
    if params.share.logo:
        _examine_logo(params.share.logo)
    read = Corrections.named(params.exploration.corrections).check()
    return params, [*words, *listing.notes, *([read] if read else [])]


def _examine_new(params: Params, elsewhere: bool) -> list[str]:
    """A model that can be used, and photos for it; says how many, and how many have labels."""
    model = project_root() / params.model
    if not model.is_dir():
        raise ParameterError(
            f"model: there is no folder {params.model}. Name a taught model, such as runs/boats/model."
        )
    classes = bundle.classes_of(model)
    if not classes:
        raise ParameterError(f"model: {params.model} holds no {bundle.DESCRIPTION}, so it is no model folder.")
    if not elsewhere:
        params.compute.check()
    if params.share.logo:
        _examine_logo(params.share.logo)
    if not (model / held_out.FILE).is_file():
        raise ParameterError(
            f"model: {params.model} holds no {held_out.FILE}, which an evaluation leaves there. Run the chain that made it again."
        )
    if Run(params.run).path("catalog").exists():
        raise ParameterError(
            f"run: {params.run} is the name of a run that teaches. Give the new photos a name of their own."
        )
    found = arrivals.find(params.new.images, params.new.labels, classes)
    filled = arrivals.filled_in(Run(params.run).folder / TO_LABEL)
    return [arrivals.in_words(found, filled, classes)]


def _examine_logo(name: str) -> None:
    try:
        thumbnail(project_root() / name)
    except UnreadablePhotoError as error:
        raise ParameterError(f"share.logo: {name} cannot be used as a picture ({error}).") from None


def _decided(params: Params, listing: Listing) -> tuple[Params, list[str]]:
    """The same, with what `auto` stands for in `training.resolution` and `training.pooling`, and a sentence on it."""
    training = params.training
    if AUTO not in (training.resolution, training.pooling):
        return params, []
    looked_at = listing.used["photo"].tolist() if training.resolution == AUTO else []
    chosen = auto.decided(training, shapes.of_files(listing.root, looked_at))
    words = f"auto is resolution {chosen.resolution}, pooling {chosen.pooling}"
    return params.model_copy(update={"training": chosen}), [words]


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
    for backbone in backbones.find_backbones(settings.frozen, on=on):
        if not backbone.is_ready():
            backbone.build()
    for backbone in found:
        if settings.recipe == "finetune":
            body = backbone.build(auxiliary=True)
            if settings.unfreeze != "all":
                body.check_stage(settings.unfreeze)
        elif not backbone.is_ready():
            backbone.build()
