"""Whether a unit of a text reads as a sentence of prose, and whether it reads so on its own."""

from __future__ import annotations

import re

from minikit.text.units import marker_length

__all__ = ["body", "is_prose", "readability"]

_PAIRED = re.compile(r"[\"*`()\[\]{}（）「」『』【】《》«»‹›„“”]")
# Guillemets stand either way round.
_PAIRS = ("()", "[]", "{}", "（）", "「」", "『』", "【】", "《》", "«»", "‹›")
_EVEN = ('"', "*", "`")
# Quotes, emphasis, the number of a footnote and a remark such as "[laughter]" may stand after it.
_ENDS = re.compile(
    r"[.!?…։؟۔।॥။។།።。！？｡．](?:\s*(?:[\"'”’»›“)\]}）」』】*_`]|[(\[{]\w{1,20}[)\]}]))*\Z"
    # Thai and Lao have no sign.
    r"|[\u0e01-\u0e4e\u0e80-\u0ecd]\Z"
)
_FIRST = re.compile(r"[^\w\s]{0,9}(\w?)")
_CODE = re.compile(
    r">>>|::=|\|.*\||\t|\.{5,}|-{4,}|[=_*]{4,}|</\w|/>|&\w+;|==|[;{]$|^\s*\}", re.MULTILINE
)
_COLUMNS = re.compile(r"\S {4,}\S")
# The licence of an eBook stands before the one line and after the other.
_GUTENBERG = re.compile(r"^\*\*\* ?(START|END) OF TH(?:E|IS) PROJECT GUTENBERG.*", re.MULTILINE)
_DISTURBANCE = re.compile(r"[{\[]\w{1,20}[}\]]|://")
_SIGN = re.compile(r"[!-@\[-`{-~]")
_END = 40
_SIGNS = 0.3
_CAPITALIZED = 0.6
_MANY = 6
_DISTURBED = 0.95
_LEANS = 0.85

_LABEL = r"(?:[-*+•]\s+|\d{1,3}[.)]\s+|[^\s:：][^:：.!?\n]{0,40}[:：]\s*)?"
# The words that most often begin a sentence that goes on from the one before; not all of them.
_WORDS = {
    "en": "accordingly|after that|another|as a result|at the same time|because of this|both|"
    "consequently|for (?:this|that|example|instance)|furthermore|hence|he|her|his|however|"
    "in (?:this|that|these|addition|contrast|fact|other words|particular)|instead|it|its|"
    "likewise|meanwhile|moreover|nevertheless|note|on the other hand|otherwise|she|similarly|such|"
    "that|the (?:former|latter|same)|their|therefore|these|they|this|those|though|thus|yet",
    "de": "außerdem|dabei|dadurch|daher|damit|darum|das|dennoch|deshalb|dies(?:e[rsnm]?)?|er|es|"
    "folglich|jedoch|somit|sie|stattdessen|trotzdem|zudem",
    "fr": "ainsi|cela|celui-ci|ce(?:ci|tte|s)?|c'est|cependant|elles?|en effet|ils?|néanmoins|"
    "par conséquent|pourtant|toutefois",
    "es": "además|así|aquel(?:la)?|ell[ao]s?|en cambio|es[aeo]s?|est[aeo]s?|por (?:eso|lo tanto|"
    "tanto)|sin embargo|también|tampoco|él",
    "it": "dunque|ess[aeio]|infatti|inoltre|perciò|però|quest[aeio]|quindi|tuttavia",
    "pt": "além disso|assim|contudo|ela?s?|entretanto|ess[ae]s?|est[ae]s?|isso|isto|no entanto|"
    "portanto|também|eles?",
    "ru": "более того|впрочем|в результате|кроме того|однако|он[аои]?|поэтому|такж?е|таким образом|"
    "тем не менее|это[тм]?|эт[аи]|затем",
}
_UNSPACED_WORDS = (
    "不过|不過|但|并|並|而|否则|否則|其|所以|此外|然而|然后|然後|它|他|她|因此|因而|于是|於是|这|這|那|"
    "例如|さらに|しかし|したがって|すると|そこで|そして|その|それ|だから|ただし|つまり|でも|また|この|これ|"
    "그|이것|하지만|그러나|따라서"
)
_LEANING = re.compile(
    rf"{_LABEL}[\"'“‘«„*_]{{0,3}}(?:\(|（|(?:{'|'.join(_WORDS.values())})\b|{_UNSPACED_WORDS})",
    re.IGNORECASE,
)


def is_prose(unit: str) -> bool:
    """Tell whether `unit` reads as a sentence, in any script: not a heading, code or a table row.

    A sentence ends with a sign, begins with no small letter, closes what it opens, and has words
    more than signs, not all of them capitalized.
    """
    unit = unit[marker_length(unit) :]
    first = _FIRST.match(unit)
    return not (
        not _ENDS.search(unit, max(0, len(unit) - _END))
        or (first is not None and first[1].islower())
        or _CODE.search(unit)
        or ("    " in unit and _COLUMNS.search(unit))
        or not _is_balanced(unit)
        or not _is_worded(unit)
        or "Project Gutenberg" in unit
    )


def readability(unit: str) -> float:
    """Return the factor, at most 1, by which `unit` is valued for how it reads on its own.

    It is less for a beginning that leans on the sentence before ("As a result, ..."), and for
    remarks and addresses within.
    """
    leans = _LEANS if _LEANING.match(unit) else 1.0
    return leans * _DISTURBED ** len(_DISTURBANCE.findall(unit))


def body(text: str) -> tuple[int, int]:
    """Return start and end of what stands between the lines that Project Gutenberg puts.

    Before and after them stands the licence, which is none of a book's own sentences.
    """
    lines = list(_GUTENBERG.finditer(text))
    return (
        lines[0].end() if lines and lines[0][1] == "START" else 0,
        lines[-1].start() if lines and lines[-1][1] == "END" else len(text),
    )


def _is_balanced(unit: str) -> bool:
    marks = "".join(_PAIRED.findall(unit))
    # What closes a quotation in English opens none, but in German it is the other way round.
    opened = marks.count("„") or marks.count("“")
    closed = marks.count("”") + (marks.count("“") if "„" in marks else 0)
    return not marks or (
        opened == closed
        and all(marks.count(pair[0]) == marks.count(pair[1]) for pair in _PAIRS)
        and not any(marks.count(mark) % 2 for mark in _EVEN)
    )


def _is_worded(unit: str) -> bool:
    words = unit.split()
    if len(_SIGN.findall(unit)) > _SIGNS * sum(map(len, words)):
        return False
    if len(words) < _MANY or sum(map(str.islower, words)) >= (1 - _CAPITALIZED) * len(words):
        return True
    return sum(word[0].isupper() for word in words) <= _CAPITALIZED * len(words)
