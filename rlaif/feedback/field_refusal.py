"""Which field of a request a server refuses, and up to where it would take it.

By the name under `param` or `loc` where the error has one; else by its words, where one sentence has both a name of
the field and a complaint. A prompt that merely mentions a field, as code to be judged may, is no such sentence of the
server's: what the server quotes at length is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rlaif.feedback.error_body import Said
from rlaif.feedback.wording import Wording
from rlaif.pattern import Pattern

NAMES: dict[str, Wording] = {
    "logprobs": Wording(r"log[_ -]?probs?\b|logprobs|top_?n_?tokens|log[ -]probabilit|decoder_input_details"),
    "max_tokens": Wording(
        r"\bmax_?(?:completion_?|new_?|output_?|generated_?|gen_?)?(?:tokens|toks|len(?:gth)?)\b|\bn(?:um)?_predict\b"
        r"|maximum (?:number of )?(?:output |new |completion )?tokens|maximum output length",
    ),
    "temperature": Wording(r"\btemperature"),
    "n": Wording(
        r"['\"`]n['\"`]|(?<![\w.'])n\s*(?:[=<>!]+|:|\b(?:must|should|is|are|cannot|has to|to be|value)\b)"
        r"|\b(?:parameter|param|field|argument|property|key|option|value (?:of|for))s?:? n\b"
        r"|number of (?:completions|(?:completion |response )?choices|samples|generations|candidates|sequences)"
        r"|\b(?:multiple|several|one|single|many) (?:completion |response )?"
        r"(?:completion|choice|candidate|sample|response|generation)s?\b"
        r"|candidate_?count|num_?(?:completions|return_sequences|generations|samples)|\bn_choices\b"
        r"|(?<!, )\bbest_of\b(?!,| and\b| or\b)",
    ),
    "stream_options": Wording(r"stream_options|include_usage"),
    "stream": Wording(r"\bstream(?:ing)?\b"),
    "system": Wording(
        r"\bsystem[ _](?:role|message|prompt|instruction)|\brole\b.{0,40}\bsystem\b|['\"`]system['\"`]"
        r"|developer instruction|roles? must alternate|only user and assistant|first message (?:must|should|has to)",
    ),
}
"""The names of each field in the servers' own terms."""
PLAIN = ("logprobs", "max_tokens", "temperature")
"""Fields whose names are no words of a language: a refusal that names one of them is about it, in whatever words."""
COMPLAINT = Wording(
    r"unsupported|\bnot?\b|n't\b|unknown|unrecogni[sz]ed|unexpected|extra|forbidden|disallowed|disabled|invalid|illegal"
    r"|deprecated|removed|prohibited|\bmust|should|expected|cannot|\bonly\b|fixed|\bmax(?:imum)?\b|minimum"
    r"|at (?:most|least)|(?:more|less|greater|larger|higher|lower|smaller) than|exceed|\brange"
    r"|too (?:large|high|big|small|low|many)"
    r"|between|above|below|[<>≤≥]|no such|requires?\b|limit|validation|\bbad\b|(?:has|have|needs?) to be|positive"
    r"|reject|incompatible|disable|remove|非法|不支持|无效|错误|范围|超出|必须|只能|不能",
)
LACKING = Wording(
    r"unsupported|(?:not|n't) (?:\w+ )?"
    r"(?:support|allow|permit|permitted|enabled|accept|available|implemented|recogni[sz]e)"
    r"|\bno (?:\w+ ){1,3}(?:that |which )?(?:can |could )?(?:support|handle|serve)|unknown|unrecogni[sz]ed|extra"
    r"|unexpected|forbidden|disable|deprecated|remove|prohibited|no such|cannot find|not permitted|incompatible"
    r"|reject|不支持",
)
"""The field is not there at all, whatever its value."""
OTHER_NAME = r"['\"`]?(max_(?:completion|output|new)_tokens)"
INSTEAD = Wording(
    rf"(?:\buse|\btry|\bset|prefer\w*|rename\w* to|replaced (?:by|with)|favou?r of)\W+(?:the )?(?:\w+ )?{OTHER_NAME}"
    rf"|{OTHER_NAME}['\"`]? (?:instead|in place|has to be used|should be used)",
)
QUOTED = Pattern(r"(?<!\w)(['\"`])(?:(?!\1).){80,}?\1(?!\w)", re.S)
SENTENCE = Pattern(r"(?<=[.!?;])\s+|\n+")
ECHO_CHARS = 16
"""What stands in the request, too, is not the server's word where it is so long."""
MOST_READ = 4000
"""Characters of a reason."""
OF_THE_PROMPT = Pattern(r"(?:messages?|prompt|model|inputs?|contents?|text|user|role)\b")
"""Names of what is no field of ours. A name that is neither, such as "None" or a code, says nothing."""
IN_A_LINE_OF_ITS_OWN = Pattern(r"^([a-z]\w*(?:(?: -> |\.)\w+)*)\n[ \t]+", re.MULTILINE)
"""The field's name before the complaint, as pydantic prints it."""
LISTED = "parameters|params|fields|properties|keys|arguments|options"
HAS = Wording(
    r"(?:expected one of|known (?:properties|fields)|only the following (?:\w+ ){1,3}(?:are|is) (?:\w+ed|valid)"
    rf"|(?<!not )(?<!n't )\b(?:supported|allowed|valid|permitted|available|accepted|known) (?:{LISTED})\b"
    r"(?: (?:are|include))?)\b\s*:?\s*([^.;)\n]*\b(?:model|messages|temperature|max_tokens)\b[^.;)\n]*)",
)
"""What a server says that it has, after what it has not."""
NUMBER = r"[`'\"(]?(-?\d+(?:\.\d+)?)"


def _bounds(*patterns: str) -> list[Wording]:
    """Wordings of a bound, each with a NUMBER."""
    return [Wording(pattern.replace("NUMBER", NUMBER)) for pattern in patterns]


MOST = _bounds(
    r"(?:<=|≤|=<)\s*NUMBER",
    r"\d\)? > NUMBER",
    r"(?:less|smaller|lower|fewer) than or equal to\D{0,20}NUMBER",
    r"at most\D{0,12}NUMBER",
    r"up to NUMBER",
    r"(?:not|n't|never|cannot|no)\b (?:\w+ ){0,3}?(?:more|greater|larger|higher|bigger) than\D{0,12}NUMBER",
    r"(?:not|n't|never|cannot) (?:\w+ ){0,2}?exceed\D{0,12}NUMBER",
    r"(?:max(?:imum)?|limit)\b(?: \w+| `\w+`| '\w+'){0,5}?[\s:=]*NUMBER",
    r"between -?[\d.]+ and NUMBER",
    r"[\[(]\s*-?[\d.]+\s*,\s*NUMBER\s*[\])]",
    r"range\D{0,20}-?\d[\d.]*?\s*(?:-|\.\.+|to|–)\s*NUMBER",
    r"from -?[\d.]+ to NUMBER",
    r"\bonly (?:\w+ ){0,3}NUMBER",
    r"(?<!not )supports? (?:\w+ ){0,3}NUMBER",
)
LEAST = _bounds(
    r"(?:>=|≥)\s*NUMBER",
    r"(?:greater|larger|higher|more) than or equal to\D{0,20}NUMBER",
    r"at least\D{0,12}NUMBER",
    r"min(?:imum)?\b(?: \w+){0,4}?[\s:=]*NUMBER",
    r"between NUMBER and",
    r"[\[(]\s*NUMBER\s*,\s*-?[\d.]+\s*[\])]",
    r"range\D{0,20}?NUMBER\s*(?:-|\.\.+|to|–)",
    r"(?:not|n't|cannot) (?:\w+ ){0,2}?(?:less|smaller|lower) than\D{0,12}NUMBER",
)
ABOVE = Wording(
    rf"(?:must|should|has to|needs to)\b[\w' ]*? (?:greater|larger|higher|more) than {NUMBER}|(?<![=<])>\s*{NUMBER}",
)
POSITIVE = Wording(r"positive|non-?zero|\(0(?:\.0+)?\s*,")


@dataclass(frozen=True)
class Refused:
    """One field that a server does not take as it was sent.

    Attributes:
        field: One of `NAMES`.
        most, least: Between which it would take it, where it says so.
        above: It has to be more than the value that was sent.
        lacking: The server does not have the field.
        instead: Another name of the field that the server recommends.
    """

    field: str
    most: float | None = None
    least: float | None = None
    above: bool = False
    lacking: bool = False
    instead: str = ""


def refused_fields(error: Said, sent: Mapping[str, float], prompt: str = "") -> list[Refused]:
    """The refused ones of the fields that were sent, with their values.

    Args:
        prompt: The texts of the request, whose words are not the server's.
    """
    named = [field for name in error.fields for field in _fields_of_name(name)]
    if not named and any(map(OF_THE_PROMPT.match, error.fields)):
        return []  # the error is about what it names
    reason = IN_A_LINE_OF_ITS_OWN.sub(r"\1: ", QUOTED.sub("", _without_echoes(error.reason[:MOST_READ], prompt)))
    has = HAS.search(reason)
    sentences = SENTENCE.split(reason if has is None else reason[: has.start()] + reason[has.end() :])
    if named:
        return [_refused(field, sentences, sent) for field in dict.fromkeys(named) if field in sent]
    complaints = [sentence for sentence in sentences if COMPLAINT.search(sentence)]
    found = [field for field in sent if any(map(NAMES[field].search, complaints))]
    if not found and has is not None:
        lacking = [field for field in PLAIN if field in sent and not NAMES[field].search(has.group(1))]
        return [Refused(field, lacking=True) for field in lacking]
    found = found or [field for field in PLAIN if field in sent and any(map(NAMES[field].search, sentences))]
    return [_refused(field, sentences, sent) for field in found]


def _without_echoes(reason: str, prompt: str) -> str:
    """A reason without what it repeats of the prompt."""
    starts = [at for at in range(len(reason) - ECHO_CHARS + 1) if reason[at : at + ECHO_CHARS] in prompt]
    kept, end = [], 0
    for at in starts:
        kept.append(reason[end:at])
        end = max(end, at + ECHO_CHARS)
    return "".join(kept) + reason[end:]


def _fields_of_name(name: str) -> Iterator[str]:
    """The field that a name such as "top_logprobs" or "messages[0].role" stands for."""
    if name in ("n", "stream_options"):
        yield name
    elif re.fullmatch(r"messages\b.*\brole\b", name):
        yield "system"
    elif not name.startswith("messages"):
        yield from (
            field for field in ("logprobs", "max_tokens", "temperature", "n", "stream") if NAMES[field].search(name)
        )


def _refused(field: str, sentences: list[str], sent: Mapping[str, float]) -> Refused:
    about, value = _about(field, sentences, sent), sent[field]
    above = [float(number) for match in ABOVE.finditer(about) for number in match.groups() if number]
    instead = INSTEAD.search(about) if field == "max_tokens" else None
    return Refused(
        field,
        most=max((number for number in _numbers(MOST, about) if number < value), default=None),
        least=min((number for number in _numbers(LEAST, about) if number > value), default=None),
        above=(POSITIVE.search(about) is not None and value <= 0) or any(number >= value for number in above),
        lacking=LACKING.search(about) is not None,
        instead=next(filter(None, instead.groups())).lower() if instead else "",
    )


def _about(field: str, sentences: list[str], sent: Mapping[str, float]) -> str:
    """The sentences that name the field, and those after them that name no other."""
    said: list[str] = []
    is_about = False
    for sentence in sentences:
        named = [name for name in sent if NAMES[name].search(sentence)]
        is_about = field in named or (is_about and not named)
        if is_about:
            said.append(sentence)
    return " ".join(said or sentences)


def _numbers(patterns: list[Wording], text: str) -> list[float]:
    return [float(match.group(1)) for pattern in patterns for match in pattern.finditer(text)]
