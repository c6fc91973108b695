"""How a photo is shown to a network."""
