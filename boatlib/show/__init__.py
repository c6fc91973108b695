"""What people see, one file a topic; the means are in `kit`. Never imports torch."""

from boatlib.topics import on_demand

__getattr__, __dir__ = on_demand(__name__, __path__)
