"""From a folder of labelled photos to executed reports: the package that the notebooks call."""

__version__ = "0.1.0"
