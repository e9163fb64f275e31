"""The whole report as the text of one HTML file: no address in it is ever loaded."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from rlaif.data.normalise import without_half_surrogates
from rlaif.report.html.browser import as_script
from rlaif.report.html.curves import Figure, StageCurves
from rlaif.report.html.facts import Fact, StageRecord
from rlaif.report.html.failures import Failures
from rlaif.report.html.judge import Judge
from rlaif.report.html.results import ResultTable


@dataclass(frozen=True)
class Report:
    """What a page shows. A part that a run does not have is None or empty, and the page says so."""

    title: str
    facts: Sequence[Fact]
    table: ResultTable
    table_note: str
    failures: Failures
    browser: Mapping[str, Any]
    curves: Sequence[StageCurves] = ()
    judge: Judge | None = None
    watch: Sequence[Figure] = ()
    watch_note: str = ""
    """Where reward and held-out figures part."""
    stages: Sequence[StageRecord] = field(default_factory=list)


def render(report: Report) -> str:
    """The page. Its policy (CSP) lets nothing be loaded and only its own script and style act."""
    from jinja2 import Environment, StrictUndefined

    style, script = asset("report.css"), asset("report.js")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    text = environment.from_string(asset("report.html")).render(
        report=report,
        style=style,
        script=script,
        policy=content_policy(style, script),
        data=as_script(report.browser),
    )
    return without_half_surrogates(text)


def content_policy(style: str, script: str) -> str:
    """Nothing may be loaded or sent anywhere; of inline code only what has these digests runs."""
    return (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def asset(name: str) -> str:
    """A file of assets/, as it lies in the package."""
    return resources.files("rlaif.report.html").joinpath("assets", name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
