"""What master and worker say to each other, beside the orders and reports of `bakeoff.load.messages`. Pure.

Before the two know each other: `Hello`, `Challenge`, `Proof`, `Welcome`. From then on bodies of a session: no, one or
several JSON objects, one a line, so that a heartbeat is a body without any.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from bakeoff.load.distributed.session import Sealed
from bakeoff.load.messages import (
    Answers,
    Ask,
    Drive,
    Driven,
    OpenWindow,
    Ready,
    Second,
    Stop,
    Tick,
    Trouble,
    UseScenario,
    Warm,
    WindowClosed,
    WindowOpened,
)
from bakeoff.model import Struct


class Hello(Struct, frozen=True, kw_only=True, tag="hello"):
    """A worker's first word."""

    nonce: bytes


class Challenge(Struct, frozen=True, kw_only=True, tag="challenge"):
    """The master's answer to `Hello`."""

    nonce: bytes


class Proof(Struct, frozen=True, kw_only=True, tag="proof"):
    """A worker's answer to `Challenge`: it has the token."""

    mac: bytes


class Welcome(Struct, frozen=True, kw_only=True, tag="welcome"):
    """The master's answer to `Proof`: it has the token, too."""

    mac: bytes


class Letter(Struct, frozen=True, kw_only=True, tag="sealed"):
    """A sealed message of a session."""

    number: int
    body: bytes
    mac: bytes

    @classmethod
    def of(cls, sealed: Sealed) -> Letter:
        """A sealed message, ready to be sent."""
        return cls(number=sealed.number, body=sealed.body, mac=sealed.mac)

    @property
    def sealed(self) -> Sealed:
        """As a session takes it."""
        return Sealed(self.number, self.body, self.mac)


Envelope = Hello | Challenge | Proof | Welcome | Letter


class Terms(Struct, frozen=True, kw_only=True, tag="terms"):
    """What a worker must have in common with the master: the first thing that it is told."""

    versions: dict[str, str]
    sources: dict[str, str]
    """A digest of each scenario's code, by its Locust file's path relative to the experiment's folder."""


Ending = Literal["done", "refused", "failed"]
"""How a worker's time ends: as it should, before it began, or because something broke."""


class Dismissal(Struct, frozen=True, kw_only=True, tag="dismissal"):
    """The master needs this worker no more."""

    ending: Ending
    reason: str


class Fit(Struct, frozen=True, kw_only=True, tag="fit"):
    """A worker's answer to `Terms`."""


class Leave(Struct, frozen=True, kw_only=True, tag="leave"):
    """A worker ends, or does not start."""

    reason: str


MastersWord = UseScenario | Ask | Drive | OpenWindow | Stop | Terms | Dismissal
Reported = Ready | Answers | Warm | WindowOpened | WindowClosed | Tick | Second | Driven | Trouble
WorkersWord = Reported | Fit | Leave


class Admission(Struct, frozen=True, kw_only=True):
    """What the harness tells its master at first."""

    host: str
    port: int
    token: bytes
    workers: int
    join_within_s: float
    terms: Terms


class Listening(Struct, frozen=True, kw_only=True, tag="listening"):
    """The master can be joined."""

    port: int


class Note(Struct, frozen=True, kw_only=True, tag="note"):
    """Something that the user is to see."""

    text: str


class Enrolment(Struct, frozen=True, kw_only=True):
    """What the command line tells a worker at first."""

    host: str
    port: int
    token: bytes
    name: str
    directory: str
    """The folder that corresponds to the experiment's; absolute."""
    join_within_s: float


class Over(Struct, frozen=True, kw_only=True, tag="over"):
    """A worker has ended."""

    ending: Ending
    reason: str


masters_word = msgspec.json.Decoder(MastersWord)
workers_word = msgspec.json.Decoder(WorkersWord)
