"""How the places around a number are described: what labels a grade or a choice, what counts things or bounds one."""

from __future__ import annotations

import re

from rlaif.feedback.phrases import ADVERB, ASIDE, CHECKED, ENDS, MARKUP, STARTS, TAG, one_of, words_of
from rlaif.pattern import Pattern

DIGITS = r"(?<!\d,)\d{1,9}(?:\.\d{1,9})?(?!\d|\.\d|,\d|[^\W_])"
NUMBER = Pattern(rf"(?<![\w.]){DIGITS}")
NUMBER_OF_RESPONSE = Pattern(
    rf"(?:(?<![\w.])|(?<=response)|(?<=response_)|(?<=output)|(?<=output_)|(?<=option)|(?<=option_)){DIGITS}",
    re.IGNORECASE,
)
MINUS = Pattern(r"(?:\A|[^\w)\]])[-−–]\Z")
"""A dash that touches the number and nothing else."""
COMPARES = Pattern(
    r"(?:[≥≤]|[<>]=|<|[^\s\w\"'/=>-][^\S\n]{0,3}>|\w[^\S\n]{1,3}>)[^\S\n]{0,2}\Z"
    r"|\n>\Z|(?:(?:more|less|fewer|higher|lower|better|worse) than|at (?:least|most)|above|below"
    rf"|(?:not|n['’]t)(?: an?)?){MARKUP}\Z",
    re.IGNORECASE,
)
"""What makes of a number a bound, or what the grade is not: "> 5", "at least 8", "not a 10"."""
ANOTHER = Pattern(
    r"(?:[^\S\n]{1,4}(?:points?|pts|marks?),?)?[^\S\n]{1,4}(?:plus|minus|less)[^\S\n]{1,4}(?=\d)"
    r"|[^\S\n]{0,4}(?:[-–—~/,&<>=+*×]|to|or|and|\.{2,3}|…)?[^\S\n]{0,4}(?=[-−]?\d)|\s{0,4}(?=\d+\s*\Z)"
)
"""What stands between the numbers of "7 or 8", "8-9", "4/5", "3 + 4 = 7"."""
DASHES = r"-, –, —, to, \.\.\.?, through"
RESPONSE = one_of("response, output, option, candidate")
OF_BOTH = Pattern(r"(?<![^\W_])(?:of|between|among)(?: the| these)?[^\S\n]{1,4}\Z", re.IGNORECASE)
"""What stands before the number of "the best of the 2"."""
OUT_OF = Pattern(r"(?:(?:[^\d\s][^\S\n]?|\n)(?:/|out of)|\nof)[^\S\n]?\Z", re.IGNORECASE)
"""What stands before the highest grade where no grade stands before it: "Score (/10): 8"."""
BOTH = Pattern(rf"[^\S\n]{{0,4}}(?:and|or|&|/)[^\S\n]{{0,4}}(?:the )?{RESPONSE} ?\d", re.IGNORECASE)
EITHER = Pattern(
    rf"[^\S\n]{{0,4}}(?:and|or|&|={{1,2}}|~|vs\.?|versus)[^\S\n]{{0,4}}(?:the )?(?:{RESPONSE} ?)?[12](?!\d)",
    re.IGNORECASE,
)
"""What follows the number of a response where the other one is named with it: "1 and 2 are equal"."""
ASKS = Pattern(r"[*_\"'`]{0,4}(?:[)\]]|[^\S\n]{0,2}[:=?])")
"""What follows the numbers of "Preferred Response (1 or 2): 2", which only name what may be said."""
ITEM = Pattern(r"(?<!\S)[(\[*_#>]{0,4}(\d{1,3})[*_]{0,2}[.):\]][*_]{0,2}[^\S\n]{1,8}(?=\S)")
"""The number of an item in a list, at a line's start or within a line."""
SINGLE_ITEM = Pattern(r"[(\[*_#>]{0,4}\d[*_]{0,2}[.)]")
"""What a list of one item begins with, where it begins a line."""
NEXT_WORD = Pattern(r"[\s*_\"'`)\]}]{0,6}?[^\S\n]{1,4}[*_]{0,2}([^\W\d_][\w'’]*)")
GOES_ON = words_of(
    "points point pts marks mark stars star overall because since as but and so while although though due given for "
    "where by hands not with the this that it its there i my in on from here to over rather instead"
)
"""After a grade they are its unit, or begin its reason. Another word makes of it a number of things: "3 errors"."""

RATE = r"(?:rate|give|grade|score|put) (?:it|this|that|(?:this|the) \w+)(?: with| at)?"
I_WOULD = (
    rf"(?:i(?:['’]?d| would| will|['’]ll|['’]m| am)? (?:have to )?)?"
    r"(?:(?:go|going|leaning|opting) (?:with|for|towards?)|choosing|picking)"
    rf"|i(?:['’]?d| would| will|['’]ll)? (?:say|choose|prefer|pick|select|{RATE})"
)
DIGIT = "(?:one|two|three|four|five|six|seven|eight|nine|ten)"
LEAD = one_of(
    "the, my, a, an, final, overall, total, answer, score, rating, grade, mark, result, verdict, preferred, preference,"
    "about, around, solid, strong, perfect, good,"
    "decent, fair, low, high, weak, i think, i believe, it is,"
    "it['’]s, better, best, winner, choice, response, output, option, candidate, number, one, is, would be, of,"
    rf"(?:this|that) is, (?:this|that|it) would be, {ADVERB}, {TAG}, {DIGIT},"
    rf"(?:for|to|on) (?:this|the|your) \w+, {I_WOULD}"
)
LEAD_IN = Pattern(rf"[\W_]*(?:{LEAD}{ENDS}[\W_]*)*", re.IGNORECASE)
"""What may come before a number that opens a text: "Preferred Response=", "**Score:** "."""

LINK = one_of(
    "is, was, would be, should be, must be, will be, be, at, as, a, an, the, of, for, around, about, therefore, thus,"
    r"then, only, just, clearly, score, rating, grade, response, output, option, candidate, number, one, (?<=['’])s,"
    rf"both, here, for (?:this|the) \w+, {ADVERB}, {TAG}, {DIGIT}"
)
LINKS = rf"(?:{ASIDE}| ?/ ?\d{{1,3}}){MARKUP}(?:{LINK}{ENDS}{MARKUP}){{0,7}}\Z"
"""What may come between a label and the number: "score for this output is **"."""
WHOLE = one_of("answer, score, rating, grade, mark, verdict, choice, decision, judge?ment, assessment")
FINAL = Pattern(
    r"\\boxed\{\s{0,4}(?:\\\w{1,12}\{\s{0,4}){0,3}(?:response )?\Z|\[\[\s{0,4}(?:response )?\Z"
    r"|<(?:final[ _-]?)?(?:answer|score|grade|rating|result|verdict|choice|winner|preferred|final)>[\W_]{0,12}"
    r"(?:response )?\Z"
    r"|\[(?:result|score|answer|verdict|rating)\][\W_]{0,12}(?:response )?\Z"
    rf"|{STARTS}(?:final|overall|total) ?{WHOLE}?{LINKS}|{CHECKED}",
    re.IGNORECASE,
)
SURE = Pattern(
    r"(?:score|grade|rating|mark|preferred|response|choice|winner)[^\w.!?]{0,12}(?:[:=]|of|is)[^\w.!?]{0,12}\Z|[{>\]\[]\s{0,4}\Z",
    re.IGNORECASE,
)
"""Labels whose number is an answer whatever follows. Others may label a number of things: "Overall 3 errors"."""
GRADE_LABEL = Pattern(
    rf"(?:{STARTS}(\w{{1,30}})[^\S\n]{{1,4}})?{STARTS}"
    rf"(?:score|grade|rating|marks?|points|answer|verdict|result|evaluation){LINKS}",
    re.IGNORECASE,
)
OF_THE_WHOLE = words_of("the my a its this your and so is total numeric numerical final overall quality judge of with")
"""What may come before a label. Another word makes it the label of a part: "Readability score: 7"."""
CHOICE = one_of(
    "answer, verdict, decision, preferred, preference, winner, choice, better, best, superior, stronger, chosen,"
    "selected, selection, recommended, recommendation, my pick"
)
NOT_BEFORE = r"(?<!not )(?<!n't )(?<!n’t )(?<!never )"
CHOICE_LABEL = Pattern(rf"{STARTS}{CHOICE}{LINKS}", re.IGNORECASE)
CONCLUSION = one_of(
    "so, thus, therefore, hence, overall, ultimately, in conclusion, in summary, in short, i mean,"
    rf"{NOT_BEFORE}(?:prefer|choose|pick|select|favou?r|go (?:with|for)|going (?:with|for)|recommend|vote for"
    r"|(?:lean|leaning|inclined) (?:towards?|to))"
)
PREFERS = Pattern(rf"{STARTS}(?:prefer|favou?r){LINKS}", re.IGNORECASE)
GIVES = one_of(
    "gives?, giving, rates?, rated, deserves?, earns?, gets?, receives?, graded, assign, award, worth, merits?, scores,"
    "say, settle on, put (?:it|this|that) at"
)
CONCLUDING = Pattern(rf"{STARTS}{CONCLUSION}{LINKS}|(?:=>|->|[→⇒∴])[^\w.!?]{{0,6}}\Z", re.IGNORECASE)
GIVEN = Pattern(
    rf"{STARTS}(?:{NOT_BEFORE}{GIVES}{ENDS}[^\n.!?\d]{{0,30}}"
    rf"|(?:(?:this|it|that) (?:is|would be)|it['’]s|but|rather) an?{MARKUP})\Z",
    re.IGNORECASE,
)
CLAUSE_START = Pattern(rf"(?:[\n.!?:|;,—–=]|\s-)[^\w\n]{{0,12}}(?:{ADVERB} )?(?:{RESPONSE} )?\Z", re.IGNORECASE)
ENTRY = Pattern(rf"(?:(\w{{1,30}})[\"'`*_)\]]{{0,4}}[^\S\n]?)?[:=][^\w\n]{{0,12}}(?:{RESPONSE} )?\Z", re.IGNORECASE)
"""What stands before the number of "Correctness: 8": a text with several such has no grade, if they differ."""
COUNTS = Pattern(
    one_of(
        "error, issue, bug, warning, problem, mistake, flaw, line, step, import, call, name, argument, version, python,"
        "test, function, method, module, package, check, variable, status, length, size, count, index, id, example,"
        "question, case"
    )
    + "s?|confidence",
    re.IGNORECASE,
)
"""What is no grade's name: "Errors: 2"."""
COUNTED = Pattern(
    r"[\n,;{][^\w\n]{0,8}(?:(?!(?:it|this|that|which|code|program|output|and|the) )[^\W_]{1,20}[ _])?"
    r"(?!points|pts|marks|stars|scores|ratings|grades)"
    r"(?:[^\W_]+[^\W_siu]s(?: (?:found|detected|made|seen|missing|failed|passed|used|reported))?"
    r"|(?:exit|return|error|status) code)[\"'`*_)\]]{0,4}[^\S\n]?[:=][^\w\n]{0,12}\Z",
    re.IGNORECASE,
)
"""Nor is a plural: "Failed tests: 2"."""
BEGINS_A_CLAUSE = Pattern(r"[\n.,;{][^\w\n]{0,8}\Z")
NAMES_A_RESPONSE = Pattern(rf"{STARTS}{RESPONSE}[^\S\n]{{0,2}}[#*_]{{0,3}}\Z", re.IGNORECASE)
SEEMS = one_of("is, seems, appears, looks, would be, should be, must be, has to be")
BY_FAR = one_of(
    "a, the, to be, clear, clearly, slightly, much, far, definitely, overall, therefore, thus, still, also, somewhat,"
    "generally, marginally, significantly, a bit"
)
BETTER = one_of("better, best, preferred, preferable, superior, stronger, winner, favou?red, chosen")
MORE = one_of(
    "correct, complete, accurate, helpful, useful, robust, reliable, precise, faithful, appropriate, suitable"
)
IS_BETTER = Pattern(
    rf"[\s*_\"'`)\]]{{0,5}}(?:{SEEMS}\s{{1,3}}(?:{BY_FAR}\s{{1,3}}){{0,4}}"
    rf"(?:{BETTER}|correct one|more {MORE}(?= than| one|[.!\n]|\Z))"
    rf"|(?:{ADVERB}\s{{1,3}})?(?:wins|outperforms|beats|surpasses)"
    rf"|better (?:follows|fits|matches|answers|addresses|meets|solves|fulfill?s)){ENDS}"
    rf"(?!,?\s{{1,3}}(?:if|unless|when|had|were){ENDS}|[^.!?\n]{{0,80}}\?)",
    re.IGNORECASE,
)
ENUMERATES = Pattern(r"[*_]{0,3}\s{0,2}(?::|[-–—]\s)[*_]{0,3}\s{0,4}\S")
IS_CONDITIONAL = Pattern(
    rf"[\s*_\"'`)\]]{{0,6}}(?:if|unless|when|would|means|only if){ENDS}|[^\S\n]{{0,4}}\?", re.IGNORECASE
)
HYPOTHETICAL = Pattern(
    rf"{STARTS}(?:if|unless|were|had)(?! (?:i|you|to){ENDS}){ENDS}[^.!?\n]*(?:{STARTS}would|['’]d){ENDS}[^.!?;\n]*\Z",
    re.IGNORECASE,
)
"""What stands before the number of "If it ran, I would give 9"."""
WOULD_BE = Pattern(rf"{STARTS}would (?:be|get|deserve|earn|have been) [^.!?\n\d]{{0,20}}\Z", re.IGNORECASE)
LACKS = Pattern(rf",? (?:with|had|were|but){ENDS}", re.IGNORECASE)
"""With it before and this behind, a number is what a better program would get: "It would be a 10 with docs"."""
UNPREFERRED = Pattern(rf"{STARTS}(?:least|not|less)[ -]\w{{1,20}}{MARKUP}\Z", re.IGNORECASE)
RANKED = Pattern(rf"\n[^\w\n]{{0,6}}\d{{1,2}}[.):][^\w\n]{{1,6}}(?:{RESPONSE} )?\Z", re.IGNORECASE)
"""What stands before a response that is an item of a list: "2. Response 1"."""
OR_MORE = Pattern(r"[^\S\n]{1,4}(?:or|and) (?:higher|more|above|better|lower|less|fewer|below|worse)", re.IGNORECASE)
WORSE = words_of("worse worst loser rejected inferior weaker ranking rank order losing")
"""What labels the other response, or both."""
OTHER_SCALE = Pattern(
    r"[*_\s]{0,4}\(?(?:/|out of|of)[^\S\n]?(?:a (?:possible|maximum(?: of)?) )?[*_]{0,2}(\d{1,9})", re.IGNORECASE
)
OF_THINGS = Pattern(
    rf"[^\S\n]{{1,4}}(?:of{ENDS}|(?:\w{{1,20}} ){{0,2}}\w{{1,20}}s "
    rf"(?:is|are|was|were|have|do|can|can['’]t|don['’]t|fail|exist|work|pass|run|match){ENDS})",
    re.IGNORECASE,
)
"""What makes of a fraction a share of things: "3/10 imports are wrong"."""
