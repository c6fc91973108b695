"""For JupyterLab: what can be clicked, and how the notebooks open."""
