"""Trying the model on a photo of one's own: upload one, or paste one."""

import base64
import binascii
from pathlib import Path

import ipywidgets

from boatlib import runtime
from boatlib.lab.parts import Pane
from boatlib.model.inference.predictor import Predictor
from boatlib.photos.images import thumbnail
from boatlib.show import predictions
from boatlib.show.kit.html import Html, card, paragraph, picture

BOX = "boatlib-pasted"  # class of the hidden text into which the browser puts a pasted picture
# The only script: the browser alone has the clipboard
PASTE = f"""<div tabindex="0" contenteditable="true" aria-label="Paste a photo here" style="border:1px dashed currentColor;
border-radius:6px;padding:.4rem .8rem;width:230px;height:1.6rem;overflow:hidden;white-space:nowrap;line-height:1.6rem" onpaste="
event.preventDefault();
const file = [...event.clipboardData.files].find(f => f.type.startsWith('image/'));
const text = this.closest('.jp-OutputArea, body').querySelector('.{BOX} textarea');
if (!file || !text) {{ this.textContent = 'There is no picture to paste.'; return; }}
const reader = new FileReader();
reader.onload = () => {{ text.value = reader.result; text.dispatchEvent(new Event('input', {{bubbles: true}})); }};
reader.readAsDataURL(file); this.textContent = 'Pasted.';
">or click here and paste (Ctrl-V)</div>"""


def widget(predictor: Predictor, example: Path) -> ipywidgets.Widget | Html:
    """Say what a photo shows that is uploaded or pasted. It stays in memory. Outside JupyterLab: the answer for `example`."""
    if not runtime.is_interactive():
        return answer(predictor, example.read_bytes(), "the photo")
    upload = ipywidgets.FileUpload(
        accept="image/*", multiple=False, description="Choose a photo", layout={"width": "170px"}
    )
    pasted = ipywidgets.Textarea(layout={"display": "none"})
    pasted.add_class(BOX)
    pane = Pane()

    def uploaded(_: object) -> None:
        for file in upload.value:
            pane.show(answer(predictor, bytes(file["content"]), file["name"]))

    def was_pasted(_: object) -> None:
        if pasted.value:
            pane.show(answer(predictor, from_data_url(pasted.value), "the pasted photo"))
            pasted.value = ""

    upload.observe(uploaded, "value")
    pasted.observe(was_pasted, "value")
    return ipywidgets.VBox([ipywidgets.HBox([upload, ipywidgets.HTML(PASTE), pasted]), pane])


def answer(predictor: Predictor, data: bytes, name: str) -> Html:
    """A photo with what the model says of it, or why it cannot be read. data: the bytes of a file."""
    row = predictor.predict(data).iloc[0]
    if row["error"]:
        return paragraph(f"{name} cannot be used: {row['error']}.", "verdict")
    shown = Html(card(picture(thumbnail(data, 480), "image/webp", "The photo that was tried"), [name]))
    words = (
        f"A person should look at it: {row['reason']}." if row["needs_review"] else "Sure enough to be taken as it is."
    )
    return shown + paragraph(words) + predictions.answer(row)


def from_data_url(text: str) -> bytes:
    """The bytes in a `data:` address; b"" where there are none."""
    try:
        return base64.b64decode(text.partition(",")[2], validate=True)
    except binascii.Error:
        return b""
