"""HdrHistogram interval logs: the text format that HdrHistogram's own tools read (version 1.3, with tags).

Each line is one second of one endpoint and kind in one slice. Its tag says which: ``POSITION/ENDPOINT/KIND``, with the
endpoint percent-encoded, because a tag may hold neither commas nor spaces. Times are seconds since the window of the
slice opened; values are nanoseconds, and the maximum column is in milliseconds, as is usual there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast
from urllib.parse import quote, unquote

from bakeoff.model import Histogram, HistogramKind, Interval

HEADER = (
    "#[Histogram log format version 1.3]\n"
    '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"\n'
)


def write_log(intervals: Iterable[Interval]) -> str:
    """The log of one block's intervals."""
    return HEADER + "".join(_line(interval) for interval in intervals)


def read_log(text: str, block: int) -> Iterator[Interval]:
    """The intervals of a log that `write_log` wrote. Raises ``ValueError`` for any other line."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith(("#", '"')):
            continue
        try:
            tag, start, length, _, blob = line.split(",")
            position, endpoint, kind = tag.removeprefix("Tag=").split("/")
        except ValueError:
            raise ValueError(f"line {number} is no tagged interval: {line[:60]!r}") from None
        yield Interval(
            block=block,
            position=int(position),
            endpoint=unquote(endpoint),
            kind=cast("HistogramKind", kind),
            start_s=float(start),
            length_s=float(length),
            histogram=Histogram.decode(blob),
        )


def _line(interval: Interval) -> str:
    tag = f"{interval.position}/{quote(interval.endpoint, safe='')}/{interval.kind}"
    max_ms = 1e3 * (interval.histogram.max_s or 0.0)
    return f"Tag={tag},{interval.start_s:.3f},{interval.length_s:.6f},{max_ms:.6f},{interval.histogram.encode()}\n"
