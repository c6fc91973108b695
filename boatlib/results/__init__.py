"""What came out: numbers, one file a topic. Never imports torch."""

from boatlib.topics import on_demand

__getattr__, __dir__ = on_demand(__name__, __path__)
