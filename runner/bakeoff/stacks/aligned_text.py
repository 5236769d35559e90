"""Texts of two stacks compared word by word, without what differs between the texts of one stack. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

_WORD = re.compile(r"""[^\s"'<>(){}\[\],;&|?=]+=*|\s+|.""", re.DOTALL)
"""A word ends at spaces and at the marks of HTML, JSON and URLs: a token, a time or a path is one word."""
MOST_ALIGNED_WORDS = 20_000
"""Between the first and the last difference of two texts; longer stretches are compared position by position."""
MOST_PAIRS = 300_000
"""Of a word in one text with the same word in the other. Aligning takes several times as many steps."""
SHOWN_BEFORE = 25
SHOWN_CHARACTERS = 60

_CONSTANT, _OTHER_VALUE, _NOT_ALWAYS_THERE = range(3)
_VOLATILE = "\0"


@dataclass(frozen=True)
class TextDifference:
    """Where two texts differ, and what stands there."""

    line: int | None
    """Counts from one, in the candidate's text; ``None`` if both texts are a single line."""
    expected: str
    actual: str


def text_difference(expected: Sequence[str], actual: Sequence[str]) -> TextDifference | None:
    """The first difference between the texts of two stacks, each with one text or several that are equivalent.

    A word that differs between texts of the same stack may have any value, one that only some of them have may be
    missing.
    """
    if set(expected) & set(actual):
        return None
    first, second = _read(expected), _read(actual)
    for stretch in _differing(first.masked(), second.masked()):
        if (positions := _unexplained(first, second, *stretch)) is not None:
            return _shown(first, second, *positions)
    return None


@dataclass
class _Text:
    """The words of a stack's first text, and how its other texts differ from it."""

    words: list[str]
    kinds: list[int]
    """Of each word: constant, with other values, or not in all texts."""
    gaps: set[int] = field(default_factory=set)
    """Positions before which other texts have more words."""

    def masked(self) -> list[str]:
        return [_VOLATILE if kind else word for word, kind in zip(self.words, self.kinds, strict=True)]

    def is_volatile(self, start: int, stop: int) -> bool:
        """Whether all words of a stretch are volatile; of an empty one, whether a word beside it is."""
        return all(self.kinds[start:stop]) and any(self.kinds[max(0, start - 1) : stop + 1])


def _read(texts: Sequence[str]) -> _Text:
    words = _WORD.findall(texts[0])
    text = _Text(words, [_CONSTANT] * len(words))
    for other in dict.fromkeys(texts[1:]):
        for start, stop, other_start, other_stop in _differing(words, _WORD.findall(other)):
            paired = min(stop - start, other_stop - other_start)
            for index in range(start, stop):
                kind = _OTHER_VALUE if index < start + paired else _NOT_ALWAYS_THERE
                text.kinds[index] = max(text.kinds[index], kind)
            if other_stop - other_start > paired:
                text.gaps.add(stop)
    return text


def _differing(first: Sequence[str], second: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """The stretches in which two lists of words differ: start and stop in the first, start and stop in the second."""
    shorter = min(len(first), len(second))
    begin = 0
    while begin < shorter and first[begin] == second[begin]:
        begin += 1
    end = 0
    while end < shorter - begin and first[-1 - end] == second[-1 - end]:
        end += 1
    first_middle, second_middle = first[begin : len(first) - end], second[begin : len(second) - end]
    longest = max(len(first_middle), len(second_middle))
    if longest > MOST_ALIGNED_WORDS or _pairs(first_middle, second_middle) > MOST_PAIRS:
        yield from _differing_positions(first_middle, second_middle, begin)
        return
    for tag, start, stop, other_start, other_stop in SequenceMatcher(None, first_middle, second_middle).get_opcodes():
        if tag != "equal":
            yield begin + start, begin + stop, begin + other_start, begin + other_stop


def _pairs(first: Sequence[str], second: Sequence[str]) -> int:
    """How many pairs of equal words `SequenceMatcher` looks at: it leaves out those that are over 1 % of a text."""
    counts = Counter(second)
    return sum(counts[word] for word in first if counts[word] <= len(second) // 100 + 1)


def _differing_positions(
    first: Sequence[str], second: Sequence[str], offset: int
) -> Iterator[tuple[int, int, int, int]]:
    for index, (word, other) in enumerate(zip(first, second, strict=False), offset):
        if word != other:
            yield index, index + 1, index, index + 1
    if len(first) != len(second):
        both = offset + min(len(first), len(second))
        yield both, offset + len(first), both, offset + len(second)


def _unexplained(
    first: _Text, second: _Text, start: int, stop: int, other_start: int, other_stop: int
) -> tuple[int, int] | None:
    """The first words of two stretches, by their positions, whose difference is not one that either stack has alone."""
    # As many words or not: a token may hold a mark now and then. But something has to be there.
    if first.is_volatile(start, stop) and second.is_volatile(other_start, other_stop):
        return None
    paired = min(stop - start, other_stop - other_start)
    for offset in range(paired):
        if not (first.kinds[start + offset] or second.kinds[other_start + offset]):
            return start + offset, other_start + offset
    for index in range(start + paired, stop):
        if first.kinds[index] != _NOT_ALWAYS_THERE and other_stop not in second.gaps:
            return index, other_stop
    for index in range(other_start + paired, other_stop):
        if second.kinds[index] != _NOT_ALWAYS_THERE and stop not in first.gaps:
            return stop, index
    return None


def _shown(first: _Text, second: _Text, position: int, other_position: int) -> TextDifference:
    """The lines around two words, cut where they are long."""
    texts = ["".join(first.words), "".join(second.words)]
    offsets = [_offset(first.words, position), _offset(second.words, other_position)]
    while offsets[0] < len(texts[0]) and offsets[1] < len(texts[1]) and texts[0][offsets[0]] == texts[1][offsets[1]]:
        offsets = [offset + 1 for offset in offsets]
    several_lines = any("\n" in text.strip("\n") for text in texts)
    line = texts[1].count("\n", 0, offsets[1]) + 1 if several_lines else None
    expected, actual = (_excerpt(text, offset) for text, offset in zip(texts, offsets, strict=True))
    return TextDifference(line, expected, actual)


def _offset(words: Sequence[str], position: int) -> int:
    return sum(map(len, words[:position]))


def _excerpt(text: str, offset: int) -> str:
    """The line around an offset, or the part of it that shows what is there."""
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    stop = len(text) if end < 0 else end
    if stop - start > SHOWN_CHARACTERS:
        start = max(start, offset - SHOWN_BEFORE)
        stop = min(stop, start + SHOWN_CHARACTERS)
    before = "..." if start > 0 and text[start - 1] != "\n" else ""
    after = "..." if stop < len(text) and text[stop] != "\n" else ""
    return f"{before}{text[start:stop].strip()}{after}"
