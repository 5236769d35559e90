"""Where stacks run: backends start them as processes or containers, or take deployed ones, and read what they use."""

from __future__ import annotations

from bakeoff.stacks.backends import OpenBackend, open_backend
from bakeoff.stacks.code import codes_of
from bakeoff.stacks.cpus import split_cpus
from bakeoff.stacks.equivalence import Answered, difference, rules_of
from bakeoff.stacks.lifecycle import StacksUnderTest, StackUnderTest, cpu_s_of, started
from bakeoff.stacks.local import LocalBackend
from bakeoff.stacks.machine import describe_machine
from bakeoff.stacks.protocol import Backend, ProcessMemory, RunningStack, StartFailure, Unknown, Usage
from bakeoff.stacks.remote import check_consent

__all__ = [
    "Answered",
    "Backend",
    "LocalBackend",
    "OpenBackend",
    "ProcessMemory",
    "RunningStack",
    "StackUnderTest",
    "StacksUnderTest",
    "StartFailure",
    "Unknown",
    "Usage",
    "check_consent",
    "codes_of",
    "cpu_s_of",
    "describe_machine",
    "difference",
    "open_backend",
    "rules_of",
    "split_cpus",
    "started",
]
