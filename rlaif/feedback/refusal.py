"""What it means that an endpoint refuses a call: it is about this prompt, about every call, or it may pass.

Servers agree on neither status nor code, so it is told by their words; those of vLLM, SGLang, TGI, llama.cpp, Ollama,
LM Studio, OpenAI, Azure, Anthropic, Gemini, Mistral, Cohere, Bedrock, DashScope, DeepSeek, Groq and OpenRouter are
tests. What no word tells is `Fate.unclear`.
"""

from __future__ import annotations

from re import Match

from rlaif.feedback.error_body import Said
from rlaif.feedback.retry import CallFailed, Fate
from rlaif.feedback.wording import Wording

TOO_LONG = Wording(
    r"context[ _-]?(?:length|window|size|limit)",
    r"maximum context",
    r"context the overflows",
    r"max(?:imum)?[ _-]?(?:model|seq(?:uence)?|prompt|input)[ _-]?len",
    r"(?:prompt|inputs?|request|messages?|text|query|content|body|payload|entity)\W{1,3}(?:is |are |was |were )?"
    r"(?:too|very) (?:long|large|big)\b",
    r"too many (?:input |prompt |total )?tokens(?! per)",
    r"(?:string|message|prompt|input)[ _](?:too[ _]long|above[ _]max)",
    r"(?:reduce|shorten) (?:the |your )?(?:length|size|prompt|inputs?|messages?)",
    r"inputs?[ _](?:length|tokens?(?: count)?)\b.{0,80}"
    r"(?:exceed|range|maximum|too|longer|larger|greater|more|less|limit)",
    r"(?:prompt|sequence|query)[ _]length\b.{0,80}(?:exceed|too|longer|larger|greater|more|maximum|limit)",
    r"range of input length",
    r"(?:number|count) of (?:the )?(?:input|prompt) tokens",
    r"tokens in (?:the|your) (?:prompt|messages?|input)",
    r"`?\binputs?`? (?:must have (?:less|fewer)|tokens \+)",
    r"(?:prompt|input) (?:contains|has) (?:at least )?\d+ (?:\w+ )?tokens",
    r"too large for (?:the |this )?model with",
    r"(?:prompt|input)\b.{0,60}\b(?:longer|larger|greater) than",
    r"exceeds? the (?:maximum |max )?(?:number of )?input",
    r"tokens to keep from the initial prompt",
    r"first \d+ tokens when context",
    r"input .{0,30}too large to process",
    r"(?:输入|上下文|提示).{0,20}(?:过长|超长|超过|超出)",
)
FILTERED = Wording(
    r"content[ _-]?filter",
    r"content management polic",
    r"content[ _]polic",
    r"responsible[ _]?ai",
    r"data[ _]?inspection",
    r"inappropriate",
    r"moderat(?:ion|ed)",
    r"\bflagged\b",
    r"usage (?:polic|guideline)",
    r"\bsafety\b",
    r"prohibited",
    r"content exists risk",
    r"(?<!case[ -])\bsensitive",
    r"\bunsafe\b",
    r"\bharm(?:ful)?\b|harm_",
    r"jailbreak",
    r"guardrail",
    r"policy[ _]?violation",
    r"violat\w+ .{0,60}(?:polic|guideline|terms|rules)",
    r"block(?:ed)?[ _]?(?:reason|list|by|due)",
    r"(?:prompt|input|request|content) (?:was |is |has been )?(?:blocked|filtered|rejected by)",
    r"invalid_prompt",
    r"违规|敏感|不安全|违法|审核",
)
FILTERED_FOR_SURE = Wording(
    r"content[ _]?filter",
    r"data[ _]?inspection",
    r"content management polic",
    r"responsibleaipolicy",
    r"invalid_prompt",
    r"your (?:input|prompt|request|message) (?:was|is|has been) flagged",
    r"violates? (?:our |the )?usage",
)
ACCOUNT = Wording(
    r"(?:account|organi[sz]ation|api[ _-]?key|project|team|workspace)(?:['’]?s)? (?:access )?"
    r"(?:has|have|is|was|must|does|do) ",
    r"\busers? (?:has been|have been|is|was) (?:blocked|banned|suspended|disabled|deactivated|restricted)",
    r"account_(?:deactivated|suspended)",
    r"(?:api[ _-]?key|credentials?|access token)\b.{0,40}(?:invalid|not valid|incorrect|"
    r"missing|wrong|expired|required|disabled|revoked|not)",
    r"(?:invalid|incorrect|missing|wrong|no|expired) (?:\w+ )?"
    r"(?:api[ _-]?key|credentials?|access token|token provided|authorization)",
    r"unauthori[sz]ed",
    r"authenticat",
    r"permission",
    r"access (?:is |was )?denied",
    r"(?:not|n't) have access",
    r"not allowed to access",
)
SPENT = Wording(
    r"insufficient[ _-]?(?:quota|balance|credits?|funds)",
    r"credit balance",
    r"(?:out of|no more|not enough|requires more) credits",
    r"exceeded_current_quota",
    r"billing[ _](?:hard[ _])?limit|billing_not_active",
    r"account.{0,20}(?:not active|overdue|arrears)",
    r"arrearage",
    r"spending (?:limit|cap)",
    r"payment required",
    r"free[ _]?tier[ _]?only",
    r"余额不足|欠费",
)
NO_MODEL = Wording(
    r"model\b.{0,80}(?:not found|not exist|n't exist|no such|unknown|not available|decommissioned|deprecated)",
    r"(?:unknown|no such|invalid|unrecognized) model\b",
    r"model_not_found",
)
UNFINISHED = Wording(
    r"could not finish the message because max_tokens", r"max_tokens or model output limit was reached"
)
"""What OpenAI says, with a status of 400, of a thought that took all tokens."""
TOO_LARGE = Wording(r"request too large")
"""Of a prompt that is above what a minute's limit allows: it would never pass."""
BEFORE_ANSWER = Wording(
    r"(\d+) (?:tokens )?(?:in|from) the (?:input )?(?:messages|prompt)",
    r"(?:prompt|input|messages)\w* (?:contains?|has|have|is) "
    r"(?:at least )?(\d+) (?:input )?tokens",
    r"has (\d+) input tokens",
    r"given:? (\d+) `?inputs`? tokens",
    r"context limit: (\d+) \+ \d+ >",
)
CONTEXT = Wording(
    r"context limit: \d+ \+ \d+ > (\d+)",
    r"context (?:length|window|size|limit)\b\D{0,40}(\d+)",
    r"`?inputs`? tokens \+ `?max_new_tokens`? must be <= (\d+)",
)

PASSING = (408, 409, 425, 498, 499)
"""The last two: Groq has no place for the call just now; a gateway was left by who asked it."""


def fate_of(status: int, said: Said) -> Fate:
    """What an HTTP status other than 200 means, with what its body says."""
    reason = said.reason
    if UNFINISHED.search(reason):
        return Fate.spent
    if status in (400, 403, 413, 422) and FILTERED_FOR_SURE.search(reason):
        return Fate.reject
    if (SPENT.search(reason) and status < 500) or status == 402:
        return Fate.stop
    if status == 429:
        return Fate.reject if TOO_LARGE.search(reason) else Fate.retry
    if status in PASSING or (status >= 500 and status != 501):
        about_prompt = TOO_LONG.search(reason) if status == 500 else None
        return Fate.reject if about_prompt or FILTERED_FOR_SURE.search(reason) else Fate.retry
    if status == 413 or FILTERED_FOR_SURE.search(reason):
        return Fate.reject
    if status in (401, 404, 405) or ACCOUNT.search(reason):
        return Fate.stop
    if is_too_long(reason) or FILTERED.search(reason):
        return Fate.reject
    return Fate.stop if NO_MODEL.search(reason) else Fate.unclear


def fate_within(error: object, said: Said) -> Fate:
    """What an error means that came with a status of 200: it may pass, but for what certainly does not."""
    code = error.get("code") if isinstance(error, dict) else None
    status = code if isinstance(code, int) and 400 <= code < 600 else 400
    fate = fate_of(status, said)
    return Fate.retry if fate is Fate.unclear or (fate is Fate.stop and status in (400, 404, 405)) else fate


def is_too_long(reason: str) -> bool:
    """Whether a reason is that the prompt, alone or with room for its answer, is too long."""
    return TOO_LONG.search(reason) is not None and not _limits_the_answer(reason)


def _limits_the_answer(reason: str) -> bool:
    """Whether it is the field for the answer's length that is above its own limit, whatever the prompt."""
    return ANSWER_LIMIT.search(reason) is not None and PROMPT.search(reason) is None


ANSWER_LIMIT = Wording(
    r"max_(?:completion_|new_|output_)?tokens\W.{0,60}(?:must|should|cannot|can't|may not|at most|range)"
)
PROMPT = Wording(r"\b(?:inputs?|prompts?|messages?)\b")


def room_of(reason: str) -> int:
    """Tokens that a prompt leaves for its answer, as a refusal for their sum says; 0 where it does not."""
    context, before = CONTEXT.search(reason), BEFORE_ANSWER.search(reason)
    if context is None or before is None:
        return 0
    return max(0, _number(context) - _number(before))


def _number(match: Match[str]) -> int:
    return int(next(group for group in match.groups() if group is not None))


def has_own_cause(failure: CallFailed) -> bool:
    """Whether a call failed for what no other fields would mend: its prompt, the account, the connection."""
    reason = failure.error.reason
    if failure.cause not in ("4xx", "5xx") or failure.fate is Fate.spent:
        return True
    if is_too_long(reason) or FILTERED_FOR_SURE.search(reason) or SPENT.search(reason) or ACCOUNT.search(reason):
        return True
    return FILTERED.search(reason) is not None and not failure.error.fields
