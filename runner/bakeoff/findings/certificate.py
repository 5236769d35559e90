"""A load generator's certificate as text."""

from __future__ import annotations

from collections.abc import Iterable

from bakeoff.model import Certificate, OracleCheck


def render(certificate: Certificate) -> str:
    """What was examined, what was measured, and the verdict; one line for each case."""
    lines = [
        f"ceiling, closed loop   {_rate(certificate.closed_ceiling_rps)}",
        f"ceiling, open loop     {_rate(certificate.open_ceiling_rps)}",
        f"send lag               {_lags(certificate)}",
        *(_case(case, checks) for case, checks in _by_case(certificate.oracle).items()),
        "",
        "certified" if certificate.certified else "not certified:",
        *(f"  {reason}" for reason in certificate.reasons),
    ]
    return "\n".join(lines)


def _rate(rate_rps: float | None) -> str:
    return "unknown" if rate_rps is None else f"{rate_rps:,.0f} requests/s"


def _lags(certificate: Certificate) -> str:
    return ", ".join(f"{name} {value / 1e3:.3f} ms" for name, value in certificate.send_lag_us.items()) or "unknown"


def _by_case(checks: Iterable[OracleCheck]) -> dict[str, list[OracleCheck]]:
    cases: dict[str, list[OracleCheck]] = {}
    for check in checks:
        cases.setdefault(check.case, []).append(check)
    return cases


def _case(case: str, checks: list[OracleCheck]) -> str:
    values = ", ".join(f"{check.what} {_measured(check)}" for check in checks)
    return f"{'ok ' if all(check.ok for check in checks) else 'BAD'} {case}: {values}"


def _measured(check: OracleCheck) -> str:
    measured = "unknown" if check.measured is None else f"{check.measured:,.4g}"
    return measured if check.asked == check.measured else f"{measured} (true: {check.asked:,.4g})"
