"""What a chat answers from: whole where it is short, else the passages that match a message."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from minikit.jobs.chatting.conversation import turns_of
from minikit.jobs.chatting.prompts import passage_fence, question_of
from minikit.jobs.material import source_fence
from minikit.jobs.verb import digest_of
from minikit.text.document import notes_of
from minikit.text.fence import fence
from minikit.text.passage import Passage, Places
from minikit.text.retrieval import PassageIndex, Ranked, Stretch, edges_first, filling, stretches
from minikit.tokens.counting import count_text

if TYPE_CHECKING:
    from minikit.calls.pipeline import Pipeline
    from minikit.jobs.chatting.conversation import Turn
    from minikit.jobs.chatting.options import CheckedChatOptions
    from minikit.models.model import Model
    from minikit.text.document import Document
    from minikit.tokens.messages import Message

__all__ = ["Knowledge", "Shelf", "known"]

KNOWLEDGE_SHARE = 4
KNOWLEDGE_TOKENS_AT_MOST = 8_000
"""Of knowledge in a request, unless more is asked for."""

KEPT = 4
"""Different knowledge that a client keeps ready at most, once it was read: chats that are restored
for each message have the same; where each chat has its own, it would pile up."""

OFFLINE_TOKENS = 300
"""Passages that the offline model is given."""

OFFLINE_ASK = "Question: "
"""What tells the offline model that the message, which follows, is a question of the passages."""

NO_MATCH = "Nothing in the knowledge matches this message."
NO_MATCH_ASK = "Reply with the passage, in at most 9,999 words."


class Knowledge:
    """The documents of a chat; safe to use from several threads.

    Attributes:
        whole: All of them, fenced, where they are short enough to stand in each request; else "".
        digest: Tells them from others.
        notes: What was guessed or left out when they were read.
    """

    def __init__(self, documents: Sequence[Document], model: Model, tokens: int) -> None:
        """Read the documents; linear in their length, and CPU-bound.

        Args:
            documents: At least one.
            model: Who is asked.
            tokens: Limit of what a request holds of them.
        """
        fenced = "\n".join(source_fence(each, each.text) for each in documents)
        self._is_offline = model.provider == "offline"
        self._encoding = model.encoding
        fits = not self._is_offline and count_text(fenced, self._encoding) <= tokens
        self.whole = fenced if fits else ""
        self.digest = digest_of("chat", model, documents)
        self._documents = tuple(documents)
        self.notes = notes_of(documents)
        self._tokens = min(tokens, OFFLINE_TOKENS) if self._is_offline else tokens
        self._index = PassageIndex(() if fits else self._documents)
        self._places: dict[int, Places] = {}

    def material(
        self, earlier: Sequence[Message], current: Turn
    ) -> tuple[str, tuple[Passage, ...]]:
        """Find the passages that match the last message of the user in `current`, fenced.

        What the user asked before counts for less, and helps where a message goes on from it; not
        so offline, where a passage is a reply. The best passages stand at the edges, where a model
        reads best. The same messages find the same.
        """
        question = question_of(current)
        if not question.strip():  # an image alone
            return "", ()
        asked = [] if self._is_offline else [question_of(turn) for turn in turns_of(earlier)]
        found = self._found(question, asked)
        material = "\n".join(map(passage_fence, found))
        if self._is_offline:
            no_match = f"{fence(NO_MATCH, 'passage')}\n\n{NO_MATCH_ASK}"
            material = f"{material}\n\n{OFFLINE_ASK}" if found else no_match
        return material, found

    def _found(self, question: str, earlier: Sequence[str]) -> tuple[Passage, ...]:
        ranked = (
            each
            for each in self._index.rank(question, earlier=earlier)
            if each.score > 0 and self._size(each) <= self._tokens
        )
        chosen, _ = filling(ranked, self._tokens, self._size)
        best_first = stretches(chosen)
        return tuple(self._passage(each) for each in edges_first(best_first))

    def _passage(self, found: Ranked | Stretch) -> Passage:
        number = found.document
        places = self._places.get(number) or Places(self._documents[number])
        return self._places.setdefault(number, places).passage(found.span)

    def _size(self, ranked: Ranked) -> int:
        return count_text(passage_fence(self._passage(ranked)), self._encoding) + 1  # the seam


class Shelf:
    """The knowledge that chats of one client share; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[tuple[object, ...], Knowledge] = {}  # the latest used last

    def take(self, documents: Sequence[Document], model: Model, tokens: int) -> Knowledge:
        """Return `Knowledge` of these; who asks while it is being read waits for it."""
        digest = digest_of("chat", model, documents)
        key = (digest, model.encoding, model.provider, tokens)
        with self._lock:
            taken = self._kept.pop(key, None) or Knowledge(documents, model, tokens)
            self._kept[key] = taken
            if len(self._kept) > KEPT:
                del self._kept[next(iter(self._kept))]
        return taken


_shelves: WeakKeyDictionary[Pipeline, Shelf] = WeakKeyDictionary()


def known(pipeline: Pipeline, model: Model, options: CheckedChatOptions) -> Knowledge | None:
    """Read the knowledge that the options name, if any, or take what chats before have read.

    Args:
        pipeline: That of the client, which the chats that share it have in common.
        model: Who is asked.
        options: What is asked of the chat.

    Raises:
        SourceError: A document is empty, or cannot be read as text.
    """
    from minikit.text.document import documents

    if options.knowledge is None:
        return None
    share = min(model.context_window // KNOWLEDGE_SHARE, KNOWLEDGE_TOKENS_AT_MOST)
    shelf = _shelves.setdefault(pipeline, Shelf())
    return shelf.take(documents(options.knowledge), model, options.knowledge_tokens or share)
