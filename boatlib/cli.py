"""The command line: `python -m boatlib COMMAND`. `run` is what `./run_all.sh` calls."""

import argparse
import sys
from pathlib import Path

from boatlib.errors import BoatlibError

DEFAULT_PARAMS = "params/sample.yaml"


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code. Errors that a user can mend are shown as a sentence."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.action(options))
    except BoatlibError as error:
        print(f"\n{error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("\nInterrupted. What was finished is kept; the same command goes on from there.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m boatlib", description=__doc__.splitlines()[0] if __doc__ else "")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser(
        "run",
        prog="./run_all.sh",
        help="run the chain",
        description="From a folder of labelled photos to reports. Without a file: the drawn sample photos.",
        epilog="Exit codes: 0 done, 2 wrong parameters, 3 bad data, 4 a step failed, 10 already running, 130 interrupted.",
    )
    run.add_argument("files", nargs="*", type=Path, metavar="PARAMS.yaml", help=f"default: {DEFAULT_PARAMS}")
    _add_set(run)
    run.add_argument("--until", default="", metavar="STEP", help="stop after this step (03, training or 03_training)")
    run.add_argument("--force", default="", metavar="STEP", help="run this step again, and those that depend on it")
    run.add_argument("--dry-run", action="store_true", help="say what would run, and why; run nothing")
    run.add_argument("--jobs", type=int, default=1, metavar="N", help="notebooks at the same time (default 1)")
    run.add_argument("--resume", action="store_true", help="an interrupted training goes on from its last epoch")
    run.add_argument(
        "--profile", default="", metavar="FOLDER", help="a Snakemake profile, for a cluster: workflow/profiles"
    )
    run.set_defaults(action=_run)

    check = commands.add_parser("check", help="check params files without running anything")
    check.add_argument("files", nargs="+", type=Path, metavar="PARAMS.yaml")
    _add_set(check)
    check.set_defaults(action=_check)

    sample = commands.add_parser("sample", help="draw the sample photos into a new folder")
    sample.add_argument("folder", type=Path)
    sample.set_defaults(action=_sample)
    return parser


def _add_set(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override a parameter, e.g. --set tta.views=10"
    )


def _run(options: argparse.Namespace) -> int:
    from boatlib.chain import run_chain
    from boatlib.errors import ParameterError

    if options.jobs < 1:
        raise ParameterError("--jobs must be at least 1.")
    return run_chain(
        options.files or [Path(DEFAULT_PARAMS)],
        options.set,
        until=options.until,
        force=options.force,
        dry_run=options.dry_run,
        jobs=options.jobs,
        resume=options.resume,
        profile=options.profile,
    )


def _check(options: argparse.Namespace) -> int:
    from boatlib.errors import ParameterError
    from boatlib.params import load_params

    problems = []
    for file in options.files:
        try:
            params = load_params(file, options.set)
            print(f"{file}: fine. Run {params.run!r} on {params.images}.")
        except ParameterError as error:
            problems.append(str(error))
    if problems:
        raise ParameterError("\n".join(problems))
    return 0


def _sample(options: argparse.Namespace) -> int:
    from boatlib.errors import DataError
    from boatlib.photos.sample import draw_sample

    if options.folder.exists():
        raise DataError(f"{options.folder} is there already. Name a new folder.")
    draw_sample(options.folder)
    print(f"The sample photos are in {options.folder}.")
    return 0
