"""A gate's result as JUnit XML: one test case for each metric that is judged, so that any CI can show it."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from bakeoff.model import GateComparison, GateResult, Summary, printable_lines
from bakeoff.report.gate import words

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has no way to write."""


def render(summary: Summary) -> bytes:
    """The whole file. A metric for information is no test; one without a decision is skipped."""
    result = words.gate_of(summary.gate)
    judged = [metric for metric in result.metrics if metric.role != "informational"]
    cases = [_metric_case(metric, summary) for metric in judged] + [_verdict_case(result, summary)]
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


def _metric_case(metric: GateComparison, summary: Summary) -> ElementTree.Element:
    row = words.metric_words(metric)
    case = _case(summary, row.name)
    message = f"{row.difference}, limit {row.limit}: {row.verdict}"
    if metric.verdict == "regression":
        ElementTree.SubElement(case, "failure", message=message, type="regression")
    elif metric.verdict != "pass":
        ElementTree.SubElement(case, "skipped", message=message)
    else:
        ElementTree.SubElement(case, "system-out").text = message
    return case


def _verdict_case(result: GateResult, summary: Summary) -> ElementTree.Element:
    """The verdict of the whole gate, with its notes."""
    case = _case(summary, "verdict")
    tag = {"pass": "system-out", "regression": "failure"}.get(result.verdict, "error")
    element = ElementTree.SubElement(case, tag)
    element.text = _text("\n".join(words.notes(result)))
    if result.verdict != "pass":
        element.attrib.update(message=_text(words.headline(result)), type=result.verdict)
    return case


def _case(summary: Summary, name: str) -> ElementTree.Element:
    return ElementTree.Element("testcase", classname=f"bakeoff.{_text(summary.experiment)}", name=_text(name))


def _text(text: str) -> str:
    return _NOT_XML.sub("?", printable_lines(text))
