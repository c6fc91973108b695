"""Photos are shown to the network in shards before the training, each a step of its own: on clusters side by side."""

import sys
from contextlib import redirect_stdout
from dataclasses import replace

from boatlib.failures import exit_code_of
from boatlib.model.training import search
from boatlib.model.training.task import TrainingTask
from boatlib.params import Params
from boatlib.pipeline.execute import Terminal
from boatlib.run import Run


def show(run: Run, number: int, count: int) -> None:
    """Put the features of one of `count` shards into the cache, where 03 and 04 find them.

    number: from 1. Raises BoatlibError.
    """
    params = Params.of_run(run.name)
    task = TrainingTask.of_run(run, params.training, params.compute, params.seed)
    split = run.table("split")
    own = split[split["sha256"].map(lambda sha: int(sha[:8], 16) % count == number - 1).astype(bool)]
    if len(own):
        search.first_features(replace(task, train=own, val=own[:0]))


if __name__ == "__main__":
    of_run, shard, shards = Run(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    terminal = Terminal(f"{of_run.name}/shard {shard} of {shards}")
    with redirect_stdout(terminal):
        code = exit_code_of(of_run, f"shard {shard}", lambda: show(of_run, shard, shards))
    terminal.close("FAILED" if code else "done")
    sys.exit(code)
