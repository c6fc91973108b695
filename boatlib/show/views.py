"""What a network is shown of a photo."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from boatlib.model.inputs import views
from boatlib.model.inputs.views import Preprocessing
from boatlib.photos.images import open_photo, small_webp
from boatlib.shares import percent
from boatlib.show.kit import gallery, theme
from boatlib.show.kit.html import Html, card, picture


def augmented(
    file: Path,
    sha256: str,
    preprocessing: Preprocessing,
    augmentation: views.Augmentation = views.USUAL,
    count: int = 16,
) -> Html:
    """Random views of one photo, as the head sees them while it learns."""
    pictures = views.make_views(
        open_photo(file, value_range=preprocessing.value_range, limits=preprocessing.limits).image,
        augmentation.names(count),
        preprocessing,
        sha256,
    )
    cards = [
        card(
            picture(small_webp(Image.fromarray(view), 120), "image/webp", f"Random view {number} of the same photo"), []
        )
        for number, view in enumerate(pictures, start=1)
    ]
    return Html(gallery.grid(cards, "small views"), f"{count} random views of {file.name}")


def named(file: Path, sha256: str, preprocessing: Preprocessing, names: Sequence[str]) -> Html:
    """The named views of one photo, each with its name."""
    pictures = views.make_views(
        open_photo(file, value_range=preprocessing.value_range, limits=preprocessing.limits).image,
        names,
        preprocessing,
        sha256,
    )
    cards = [
        card(picture(small_webp(Image.fromarray(view), 140), "image/webp", f"View {name} of the photo"), [name])
        for name, view in zip(names, pictures, strict=True)
    ]
    return Html(gallery.grid(cards, "small views"), f"Views of {file.name}: {', '.join(names)}")


def seen(file: Path, preprocessing: Preprocessing) -> Html:
    """A photo with the part that the model sees framed, and that part as it reaches the network."""
    image = open_photo(file, value_range=preprocessing.value_range, limits=preprocessing.limits).image
    framed = image.copy()
    box = views.seen_box(*image.size, preprocessing)
    shade = Image.new("RGB", image.size, "white")
    mask = Image.new("L", image.size, 130)
    ImageDraw.Draw(mask).rectangle(box, fill=0)
    framed.paste(shade, mask=mask)
    ImageDraw.Draw(framed).rectangle(box, outline=theme.WARM, width=max(3, image.width // 150))
    seen = Image.fromarray(views.make_views(image, [views.PLAIN], preprocessing)[0])
    share = (box[2] - box[0]) * (box[3] - box[1]) / (image.width * image.height)
    cards = [
        card(
            picture(small_webp(framed, 320), "image/webp", "Photo with the part that the model sees framed"),
            ["the photo"],
        ),
        card(
            picture(small_webp(seen, 224), "image/webp", "The framed part as the model sees it"),
            [f"what the model sees: {percent(share, 0)} of its area, {seen.width} x {seen.height} pixels"],
        ),
    ]
    return Html(gallery.grid(cards, "pair"), f"The model sees {percent(share, 0)} of the photo")
