"""A gate's outcome as JUnit XML: a test case a metric, so that any CI can show it."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from bakeoff.model import GateComparison, GateResult, Summary
from bakeoff.report.gate import words

_UNFIT = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has no way to write."""


def render(summary: Summary) -> bytes:
    """The whole file. A metric that is only shown is no test; one that could not be decided is skipped."""
    result = words.gate_of(summary.gate)
    judged = [one for one in result.metrics if one.role != "informational"]
    cases = [_case(one, summary) for one in judged] + [_whole(result, summary)]
    suite = ElementTree.Element(
        "testsuite",
        name=f"bakeoff gate {_text(summary.experiment)}",
        tests=str(len(cases)),
        failures=str(sum(case.find("failure") is not None for case in cases)),
        errors=str(sum(case.find("error") is not None for case in cases)),
        skipped=str(sum(case.find("skipped") is not None for case in cases)),
        time=f"{result.seconds:.3f}",
    )
    suite.extend(cases)
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    content: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return content + b"\n"


def _case(one: GateComparison, summary: Summary) -> ElementTree.Element:
    case = _named(summary, words.name(one))
    message = f"{words.change(one.ratio.point)} {words.interval(one)}, limit {100 * one.limit:g} %"
    if one.verdict == "regression":
        ElementTree.SubElement(case, "failure", message=message, type="regression")
    elif one.verdict != "pass":
        ElementTree.SubElement(case, "skipped", message=f"not decided: {message}")
    else:
        ElementTree.SubElement(case, "system-out").text = message
    return case


def _whole(result: GateResult, summary: Summary) -> ElementTree.Element:
    case = _named(summary, "verdict")
    kind = {"pass": "system-out", "regression": "failure"}.get(result.verdict, "error")
    said = ElementTree.SubElement(case, kind)
    said.text = _text("\n".join(words.notes(result)))
    if result.verdict != "pass":
        said.attrib.update(message=_text(words.headline(result)), type=result.verdict)
    return case


def _named(summary: Summary, name: str) -> ElementTree.Element:
    return ElementTree.Element("testcase", classname=f"bakeoff.{_text(summary.experiment)}", name=_text(name))


def _text(text: str) -> str:
    return _UNFIT.sub("?", text)
