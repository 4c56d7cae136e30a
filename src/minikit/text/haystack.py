"""Texts to hide things in: one that is written here, and any text cut to a number of tokens."""

from __future__ import annotations

from random import Random

from minikit.errors import SourceError
from minikit.text.ruler import Ruler
from minikit.text.words import word_ends
from minikit.tokens.counting import count_text

__all__ = ["fit", "written"]

_WHEN = (
    "In the first days of spring|Before the harvest|On most market days|When the river was high|"
    "After the long frost|Towards the evening|In a year of good apples|While the bridge was closed|"
    "Once the snow had gone|On the morning of the fair|As long as the weather held|In late summer|"
    "Whenever the mill stood still|At the turn of the season|During the quiet weeks"
)
_WHO = (
    "the miller|the ferryman|the older fishermen|the keeper of the archive|the council|"
    "the baker and her brother|the gardeners|the children of the lower school|the carpenter|"
    "the people by the harbour|the doctor|the band|the postman|two of the shepherds|the beekeepers|"
    "the women of the choir|the clockmaker|a few of the travellers|the innkeeper|the bell ringers"
)
_DID = (
    "mended the roof of the boathouse|walked along the dyke|sold honey in the square|"
    "painted the shutters of the town hall|carried timber up the hill|wrote to the neighbours|"
    "argued about the price of wool|opened the gates of the orchard|measured the depth of the pond|"
    "hung lanterns along the quay|looked for the lost keys|practised for the festival|"
    "planted lime trees beside the road|watched the herons|told stories of the flood|"
    "cleaned the great bell|waited for the ferry|counted the sheep|baked for the flower show|"
    "drew a map of the footpaths|repaired the nets|brought the medals out of their box"
)
_WHY = (
    "because nobody else would|and thought little of it|as their parents had done|"
    "although it had begun to rain|and came home after dark|so that the winter would be easier|"
    "without asking the council|and the whole street came to help|which took longer than planned|"
    "while the dogs slept in the sun|and were paid in cider|until the light was gone|"
    "to the surprise of the visitors|and left the tools where they lay|as the almanac advised|"
    "with more patience than skill|and nothing came of it for a while|since the days were long"
)
_CHARACTERS_PER_TOKEN = 5  # of what is written here, at most; 4.7 in both encodings
_SENTENCES = (3, 7)
_LONGEST_WORD = 200
_BLOCK_TOKENS = 256


def written(tokens: int, seed: int) -> str:
    """Write the chronicle of a village of about `tokens` tokens, and somewhat more.

    Plain English without names and figures, in paragraphs; it repeats itself in its words and
    hardly ever in its sentences. The same arguments give the same text; of one seed a longer text
    begins like a shorter one. Linear.

    Args:
        tokens: Of any encoding; >= 1.
        seed: Any int.
    """
    random = Random(seed)  # noqa: S311 - a text that can be made again, not a secret
    paragraphs: list[str] = []
    left = tokens * _CHARACTERS_PER_TOKEN
    while left > 0:
        sentences = random.randint(*_SENTENCES)
        paragraphs.append(" ".join(_sentence(random) for _ in range(sentences)))
        left -= len(paragraphs[-1])
    return "\n\n".join(paragraphs)


def fit(text: str, tokens: int, encoding: str) -> str:
    """Repeat or cut `text` to `tokens` tokens.

    It is repeated after a blank line, and cut after a word.

    Args:
        text: Any str that is not blank.
        tokens: How many are wanted; >= 1.
        encoding: The vocabulary to count with.

    Returns:
        A text of at most so many tokens, which the next word would pass.

    Raises:
        SourceError: `text` is blank.
    """
    if not text.strip():
        raise SourceError("the text to hide needles in is empty")
    own = count_text(text, encoding)
    copies = 1 if own >= tokens else tokens // max(1, own - 1) + 1
    whole = "\n\n".join([text] * copies)
    return whole[: _end(whole, tokens, encoding)]


def _sentence(random: Random) -> str:
    when, who, did, why = (random.choice(each.split("|")) for each in (_WHEN, _WHO, _DID, _WHY))
    return f"{when}, {who} {did} {why}."


def _end(text: str, tokens: int, encoding: str) -> int:
    """Return where so many tokens of `text` end, after a word where one ends near by."""
    ruler = Ruler(text, encoding, _BLOCK_TOKENS)
    if ruler.count(0, len(text)) <= tokens:
        return len(text)
    fits, beyond = 0, len(text)
    while beyond - fits > 1:
        middle = (fits + beyond) // 2
        if ruler.count(0, middle) <= tokens:
            fits = middle
        else:
            beyond = middle
    near = max(0, fits - _LONGEST_WORD)
    ends = word_ends(text, near, min(len(text), fits + _LONGEST_WORD))
    whole = (end for end in reversed(ends) if end <= fits and ruler.count(0, end) <= tokens)
    return next(whole, fits)
