"""The command line: `python -m boatlib COMMAND`. `run` is what `./run_all.sh` calls."""

import argparse
import os
import sys
from pathlib import Path

from boatlib.errors import BoatlibError
from boatlib.shares import confidence, percent

DEFAULT_PARAMS = "params/sample.yaml"


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code. Errors that a user can mend are shown as a sentence."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.action(options))
    except BoatlibError as error:
        print(f"\n{error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # whoever reads the output has seen enough, such as `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        what = (
            f"{error.filename} cannot be written or read"
            if error.filename
            else "Something could not be written or read"
        )
        print(f"\n{what} ({error.strerror or error}). Name another place.", file=sys.stderr)
        return BoatlibError.exit_code
    except Exception as error:  # nobody has thought of this one: a sentence for the screen, the rest into a file
        import traceback

        from boatlib.files import write_text
        from boatlib.run import cache_folder

        log = write_text(cache_folder("failures") / "last.txt", traceback.format_exc())
        print(f"\nThis should not happen ({type(error).__name__}: {error}). The details are in {log}.", file=sys.stderr)
        return BoatlibError.exit_code
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
        epilog=(
            "Exit codes: 0 done, 2 wrong parameters, 3 bad data, 4 a step failed, 5 new photos break the promise, "
            "10 already running, 130 interrupted."
        ),
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
    run.add_argument(
        "--lab", nargs="?", const="", metavar="RUN",
        help="open JupyterLab with this run, or the last one; after the runs whose files are named, if any",
    )  # fmt: skip
    run.set_defaults(action=_run)

    check = commands.add_parser("check", help="check params files without running anything")
    check.add_argument("files", nargs="+", type=Path, metavar="PARAMS.yaml")
    _add_set(check)
    check.set_defaults(action=_check)

    look = commands.add_parser("look", help="say how a set of photos would be read, and what its params file could be")
    look.add_argument("images", metavar="FOLDER_OR_TABLE", help="also an archive, kaggle:OWNER/NAME or hf:OWNER/NAME")
    look.add_argument("--write", type=Path, metavar="PARAMS.yaml", help="write the params file")
    _add_set(look)
    look.set_defaults(action=_look)

    sample = commands.add_parser("sample", help="draw the sample photos into a new folder")
    sample.add_argument("folder", type=Path)
    sample.set_defaults(action=_sample)

    listing = commands.add_parser("backbones", help="list the networks that can be named in training.backbone")
    listing.add_argument("pattern", nargs="?", default="", help='part of a name; "timm/NAME" looks among those of timm')
    listing.set_defaults(action=_backbones)

    predict = commands.add_parser("predict", help="say what photos show")
    predict.add_argument("model", type=Path, metavar="MODEL_DIR", help="a model folder, such as runs/sample/model")
    predict.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="photos, or folders of photos")
    predict.add_argument("--csv", type=Path, metavar="OUT", help="write a table; interrupted, the same command goes on")
    predict.add_argument(
        "--tta", action="store_true", help="look four times (middle, mirrored, both ends), take the mean"
    )
    predict.set_defaults(action=_predict)

    teach = commands.add_parser("teach", help="make the next run's set of what people said that new photos show")
    teach.add_argument("run", metavar="RUN", help="name of a run on new photos")
    teach.add_argument("--write", type=Path, required=True, metavar="PARAMS.yaml", help="the next run's params file")
    teach.set_defaults(action=_teach)

    export = commands.add_parser("export", help="make a model usable without torch and boatlib")
    export.add_argument("model", type=Path, metavar="MODEL_DIR")
    export.add_argument("--onnx", action="store_true", required=True, help="as ONNX file, with parity and an example")
    export.add_argument("--out", type=Path, metavar="FOLDER", help="default: MODEL_DIR with -onnx behind its name")
    export.add_argument(
        "--photos", type=Path, metavar="FOLDER", help="photos to compare by; default: the run's test photos"
    )
    export.set_defaults(action=_export)

    parameters = commands.add_parser("parameters", help="list all parameters, with defaults and meanings (Markdown)")
    parameters.set_defaults(action=_parameters)

    doctor = commands.add_parser("doctor", help="say whether all is there that a run needs")
    doctor.set_defaults(action=_doctor)

    app = commands.add_parser("app", help="a page in the browser to try a model")
    app.add_argument("model", type=Path, metavar="MODEL_DIR")
    app.add_argument("--port", type=int, default=8501)
    app.set_defaults(action=_app)

    serve = commands.add_parser("serve", help="answer over HTTP what photos show")
    serve.add_argument("model", type=Path, metavar="MODEL", help="a model folder, or what `export --onnx` has written")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen at (default: this computer alone)")
    serve.add_argument("--port", type=int, default=8000)
    serve.add_argument("--workers", type=int, metavar="N", help="processes that hold the model")
    serve.add_argument("--max-megabytes", type=float, default=32.0, metavar="MB", help="of a request (default 32)")
    serve.add_argument("--max-files", type=int, default=32, metavar="N", help="photos of a request (default 32)")
    serve.add_argument("--queue", type=int, default=256, metavar="N", help="photos that may wait (default 256)")
    serve.add_argument("--token-file", type=Path, metavar="FILE", help="holds the token; otherwise BOATLIB_TOKEN does")
    serve.add_argument("--open", action="store_true", help="at other addresses, too, answer without a token")
    serve.set_defaults(action=_serve)
    return parser


def _add_set(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override a parameter, e.g. --set tta.views=10"
    )


def _run(options: argparse.Namespace) -> int:
    from boatlib.errors import ParameterError
    from boatlib.pipeline.chain import run_chain

    if options.jobs < 1:
        raise ParameterError("--jobs must be at least 1.")
    if options.lab and options.lab.endswith((".yaml", ".yml")):  # a file behind --lab
        options.files, options.lab = [*options.files, Path(options.lab)], ""
    if options.lab is not None and not options.files:
        return _lab(options.lab)
    code = run_chain(
        options.files or [Path(DEFAULT_PARAMS)],
        options.set,
        until=options.until,
        force=options.force,
        dry_run=options.dry_run,
        jobs=options.jobs,
        resume=options.resume,
        profile=options.profile,
    )
    return _lab(options.lab) if options.lab is not None and code == 0 else code


def _lab(run: str) -> int:
    """JupyterLab in place of this process, for this computer alone, with the first notebook open. run: that notebooks work on;
    "": the one that was started last.
    """
    from boatlib import environment
    from boatlib.run import choose_run, project_root

    choose_run(run)
    root = project_root()
    settings = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.root_dir": str(root),
        "ServerApp.contents_manager_class": "boatlib.lab.contents.Notebooks",
        "LabApp.default_url": "/lab/tree/notebooks/01_exploration.ipynb",
        "Application.log_level": "40",  # errors; and where to find it
    }
    command = [sys.executable, "-m", "jupyterlab", *(f"--{key}={value}" for key, value in settings.items())]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # in a container
    print("JupyterLab opens in the browser, for this computer alone. Ctrl-C, twice, ends it.", flush=True)
    os.chdir(root)
    os.execve(sys.executable, command, environment.for_lab())


def _check(options: argparse.Namespace) -> int:
    from boatlib.errors import DataError, ParameterError
    from boatlib.params import load_params
    from boatlib.pipeline import preflight
    from boatlib.run import project_root

    problems: list[DataError | ParameterError] = []
    for file in options.files:
        try:
            params = load_params(file, options.set, project_root())
            _, words = preflight.examine(params)
            print("\n  ".join([f"{file}: fine. Run {params.run!r} on {params.new.images or params.images}.", *words]))
        except (ParameterError, DataError) as error:
            problems.append(error)
    if problems:
        raise type(problems[0])("\n".join(map(str, problems)))
    return 0


def _look(options: argparse.Namespace) -> int:
    from boatlib.errors import ParameterError
    from boatlib.files import write_text
    from boatlib.params import overridden
    from boatlib.photos import look, sources
    from boatlib.run import project_root

    params, chosen = overridden(options.set)
    images = options.images
    if Path(images).expanduser().exists():
        images = os.path.relpath(Path(images).expanduser(), project_root())
    listing = sources.read(images, params.exploration, params.split.group_by)
    minimum = params.exploration.min_photos_per_class
    lines = look.params_lines(images, listing, minimum, chosen)
    print(look.screen(options.images, listing, minimum, look.examples(listing)))
    if not options.write:
        print(f"\nLines for a params file (--write params/mine.yaml writes them)\n{lines}", end="")
        return 0
    if options.write.exists():
        raise ParameterError(f"{options.write} is there already. Name a new file after --write.")
    write_text(options.write, lines)
    print(f"\n{options.write} is written. Next: ./run_all.sh {options.write}")
    return 0


def _sample(options: argparse.Namespace) -> int:
    from boatlib.errors import DataError
    from boatlib.photos.sample.draw import draw_sample

    if options.folder.exists():
        raise DataError(f"{options.folder} is there already. Name a new folder.")
    draw_sample(options.folder)
    print(f"The sample photos are in {options.folder}.")
    return 0


def _backbones(options: argparse.Namespace) -> int:
    from boatlib.model.networks.backbones import list_backbones

    table = list_backbones(options.pattern)
    if table.empty:
        print(f"No network has {options.pattern!r} in its name.")
        return 0
    print(f"{'name':<{(width := max(map(len, table['name'])))}}  parameters   size  ImageNet  weights")
    for row in table.to_dict("records"):
        accuracy = (
            "" if row["imagenet"] is None or row["imagenet"] != row["imagenet"] else f"{percent(row['imagenet'])}"
        )
        at_hand = "at hand" if row["at_hand"] else "to fetch"
        print(f"{row['name']:<{width}}  {row['parameters'] / 1e6:8.1f} M  {row['size']:>5}  {accuracy:>8}  {at_hand}")
    if (exact := table[table["name"] == options.pattern]).shape[0]:
        print(f"\n{_what_auto_does(str(exact['name'].iloc[0]))}")
    if not options.pattern:
        print("\nAlso every network of timm: python -m boatlib backbones timm/NAME")
    return 0


def _what_auto_does(name: str) -> str:
    from boatlib.model.networks import auto

    shapes = {"wide photos (3:2)": (3000, 2000), "upright photos (3:4)": (3000, 4000), "squares": (3000, 3000)}
    found = {words: auto.decide(name, "auto", "auto", shape) for words, shape in shapes.items()}
    lines = [
        f"  {words:<21} resolution {resolution}, pooling {pooling}" for words, (resolution, pooling) in found.items()
    ]
    return "\n".join(["auto would be, by the shape that is typical of the set", *lines])


def _parameters(_: argparse.Namespace) -> int:
    from boatlib.params import reference

    print(reference())
    return 0


def _doctor(_: argparse.Namespace) -> int:
    from boatlib import doctor

    findings = list(doctor.examine())
    print(doctor.report(findings))
    return BoatlibError.exit_code if any(finding.advice for finding in findings) else 0


def _predict(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from boatlib.errors import DataError
    from boatlib.files import is_stream
    from boatlib.model.inference import batch
    from boatlib.model.inference.predictor import ONE_VIEW, Predictor
    from boatlib.model.inputs import views

    predictor = Predictor.load(options.model)
    chosen = views.DETERMINISTIC if options.tta else ONE_VIEW
    sources = batch.find_sources(options.paths)
    if not sources:
        raise DataError(f"There are no photos in {', '.join(map(str, options.paths))}.")
    if options.csv and options.csv.is_dir():
        raise DataError(f"{options.csv} is a folder. Name a file after --csv.")
    table = batch.GrowingTable(options.csv, predictor, chosen) if options.csv else None
    done = table.done(sources) if table else 0
    if done:
        print(f"{done} of {len(sources)} photos were done before; going on with the others.", file=sys.stderr)
    unread = 0
    with tqdm(total=len(sources), initial=done, unit="photo", disable=None) as bar:
        for part in predictor.predict_stream(sources[done:], chosen):
            unread += int((part["error"] != "").sum())
            bar.update(len(part))
            if table:
                table.append(part)
                continue
            for row in part.to_dict("records"):
                words = row["error"] or f"{row['predicted']}\t{confidence(row['confidence'])}"
                look = f"\tlook again: {row['reason']}" if row["needs_review"] and not row["error"] else ""
                bar.write(f"{row['photo']}\t{words}{look}")
    if table:
        table.finish()
        words = f", {unread} of them not readable (column error)" if unread else ""
        print(
            f"{options.csv}: {len(sources)} photos{words}.", file=sys.stderr if is_stream(options.csv) else sys.stdout
        )
    return DataError.exit_code if unread == len(sources) else 0


def _teach(options: argparse.Namespace) -> int:
    from boatlib.errors import ParameterError
    from boatlib.pipeline.teach import teach
    from boatlib.run import Run, started_runs

    if options.run not in started_runs():
        raise ParameterError(f"There is no run {options.run!r}. The runs: {', '.join(started_runs()) or 'none'}.")
    print(teach(Run(options.run), options.write))
    return 0


def _export(options: argparse.Namespace) -> int:
    from boatlib.errors import DataError
    from boatlib.model.inference import batch
    from boatlib.model.inference.bundle import load_bundle
    from boatlib.model.inference.onnx import export_onnx
    from boatlib.photos import sources

    bundle = load_bundle(options.model)
    folder = options.out or options.model.resolve().with_name(f"{options.model.resolve().name}-onnx")
    test = options.model.resolve().parent / "data" / "test"
    if options.photos:
        photos, where_from = options.photos, "the folder named by --photos"
    elif test.is_dir():
        photos, where_from = test, "the test photos of the run"
    else:
        photos, where_from = sources.opened(sources.SAMPLE), "the drawn sample photos"
    if not photos.is_dir():
        raise DataError(f"{photos} is not a folder of photos.")
    parity = export_onnx(bundle, folder, [path for _, path in batch.find_sources([photos])], where_from)
    print(
        f"{folder}: model.onnx, predict_onnx.py, parity.json. On {parity['photos']} photos ({where_from}) onnxruntime and torch "
        f"name the same class for {parity['same_class']}; the largest difference of a probability is "
        f"{parity['largest_difference_of_a_probability']:.1e}."
    )
    return 0


def _app(options: argparse.Namespace) -> int:
    import importlib.util
    import secrets

    from boatlib.model.inference.bundle import load_bundle

    if importlib.util.find_spec("streamlit") is None:
        raise BoatlibError("The page needs Streamlit. Install it: python -m pip install -c constraints.txt -e '.[app]'")
    load_bundle(options.model)
    settings = {
        "server.address": "127.0.0.1",
        "server.port": options.port,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "logger.level": "error",
    }
    page = Path(__file__).with_name("app.py")
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(page),
        *(f"--{key}={value}" for key, value in settings.items()),
    ]
    os.environ["BOATLIB_APP_TOKEN"] = secrets.token_urlsafe(16)  # other users of this computer do not know it
    address = f"http://127.0.0.1:{options.port}/?token={os.environ['BOATLIB_APP_TOKEN']}"
    print(f"{address} shows the page, to this computer alone. Ctrl-C ends it.", flush=True)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Streamlit greets at length
    os.execv(sys.executable, [*command, "--", str(options.model)])


def _serve(options: argparse.Namespace) -> int:
    from boatlib.errors import ParameterError
    from boatlib.serve import model

    try:
        from boatlib.serve import start
        from boatlib.serve.limits import Limits
    except ModuleNotFoundError as error:
        raise BoatlibError(f"The server needs the package {error.name}. Install it: {model.INSTALL}") from error

    if options.workers is None:
        options.workers = model.usual_workers(options.model)
    for name in ("workers", "max_megabytes", "max_files", "queue"):
        if not getattr(options, name) > 0:
            raise ParameterError(f"--{name.replace('_', '-')} is {getattr(options, name):g}; at least 1 is needed.")
    if options.queue < options.max_files:
        raise ParameterError(f"--queue is {options.queue}: a request of --max-files {options.max_files} has no place.")
    token = start.read_token(options.token_file)
    if not token and not options.open and options.host not in start.LOCAL:
        raise ParameterError(
            f"At {options.host} others can ask. Set a token ({start.TOKEN} or --token-file), or say --open."
        )
    limits = Limits(int(options.max_megabytes * 1e6), options.max_files, options.queue)
    return start.serve(options.model, options.host, options.port, options.workers, limits, token)
