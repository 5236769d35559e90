"""The rows: every number of the summary, or the reason why it is missing."""

from __future__ import annotations

from bakeoff.findings.grid import Cell, Grid, Head, make_grid, missing, narrowed
from bakeoff.findings.numerals import DASH
from bakeoff.findings.rows import comparison_grid, endpoint_grids, result_grids
from bakeoff.model import ALL_ENDPOINTS, Estimate, Run
from tests.findings.changes import change, with_summary
from tests.report.made_up import FAILURE, USERS


def cells(grid: Grid, stack: str) -> dict[str, Cell]:
    """One row, by the titles of its columns."""
    titles = [head.title for head in grid.heads]
    (row,) = (row for row in grid.rows if row[titles.index("stack")].text == stack)
    return dict(zip(titles, row, strict=True))


def texts(grid: Grid, stack: str) -> dict[str, tuple[str, str]]:
    """One row, as text and small print."""
    return {title: (cell.text, cell.detail) for title, cell in cells(grid, stack).items()}


def test_a_row_has_every_number_with_its_interval(run: Run) -> None:
    """As in the summary, in the units of the heads."""
    row = texts(result_grids(run)[0], "fastapi-uvicorn")
    assert row["stack"] == ("fastapi-uvicorn", "asgi")
    assert row["throughput"] == ("816", "[783, 849]")
    assert row["vs baseline"] == ("9.13 \u00d7", "[8.76, 9.49]")
    assert row["verdict"] == ("faster", "")
    assert row["memory"] == ("61.7", "")
    assert row["reuse"] == ("99.8 %", "")
    assert row["bound"] == ("1,064", "CPU")
    assert row["errors"] == ("0", "")


def test_the_baseline_is_compared_with_nothing(run: Run) -> None:
    """It has no verdict either."""
    row = texts(result_grids(run)[0], "flask-gunicorn-sync")
    assert (row["vs baseline"], row["verdict"]) == (("baseline", ""), ("", ""))


def test_errors_have_their_share(run: Run) -> None:
    """And their style."""
    cell = cells(result_grids(run)[0], "fastapi-gunicorn-asgi")["errors"]
    assert (cell.text, cell.kind) == ("3", "bad")
    assert cell.detail.endswith(" %")


def test_every_missing_number_has_a_footnote(failed_stack: Run) -> None:
    """In every table; a dash never stands without a reason."""
    for grid in (*result_grids(failed_stack), *endpoint_grids(failed_stack)):
        for row in grid.rows:
            assert all(cell.marks for cell in row if cell.text == DASH)
            assert all(1 <= mark <= len(grid.notes) for cell in row for mark in cell.marks)


def test_the_reason_of_a_failed_stack_stands_under_its_row(failed_stack: Run) -> None:
    """For every number, and for the ratio."""
    grid = result_grids(failed_stack)[0]
    row = cells(grid, "fastapi-uvicorn")
    assert {grid.notes[mark - 1] for mark in row["throughput"].marks} == {f"start: {FAILURE.message}"}
    assert row["vs baseline"].marks == row["throughput"].marks


def test_a_withheld_percentile_has_its_own_reason(run: Run) -> None:
    """Not that of another percentile, nor the row's."""
    reasons = ("p99 needs 1,000 requests, there were 61", "slices are too short")
    rows = tuple(
        change(row, latency_ms=change(row.latency_ms, p99=None, p90=None), withheld=reasons)
        for row in run.summary.results
    )
    grid = result_grids(with_summary(run, results=rows))[0]
    row = cells(grid, "fastapi-uvicorn")
    assert [grid.notes[mark - 1] for mark in row["p99"].marks] == [reasons[0]]
    assert [grid.notes[mark - 1] for mark in row["p90"].marks] == [reasons[1]]


def test_a_baseline_without_a_valid_row_leaves_ratios_without_numbers(run: Run) -> None:
    """And the footnote names it."""
    rows = tuple(change(row, valid=False) if row.stack == "flask-gunicorn-sync" else row for row in run.summary.results)
    grid = result_grids(with_summary(run, results=rows))[0]
    (mark,) = cells(grid, "fastapi-uvicorn")["vs baseline"].marks
    assert grid.notes[mark - 1] == "the baseline, flask-gunicorn-sync, has no valid row here"


def test_there_is_a_table_for_each_load_and_a_row_for_each_stack(swept: Run) -> None:
    """In the order of the experiment."""
    grids = result_grids(swept)
    assert [grid.title for grid in grids] == ["8 users", "64 users", "50 requests a second"]
    for grid in grids:
        assert tuple(row[0].text for row in grid.rows) == swept.stack_names


def test_endpoints_have_tables_of_their_own_where_there_are_several(run: Run) -> None:
    """One endpoint alone would only repeat the row of all."""
    titles = [grid.title for grid in endpoint_grids(run)]
    assert titles == ["64 users, by endpoint", "50 requests a second, by endpoint"]
    single = tuple(row for row in run.summary.results if row.endpoint in (ALL_ENDPOINTS, "/cake"))
    assert endpoint_grids(with_summary(run, results=single)) == ()


def test_every_comparison_is_listed_with_its_p_value(run: Run) -> None:
    """Those over all endpoints."""
    whole = [row for row in run.summary.comparisons if row.endpoint == ALL_ENDPOINTS]
    grid = comparison_grid(run)
    assert len(grid.rows) == len(whole)
    first = next(row for row in whole if row.load == USERS and row.metric == "throughput")
    assert [cell.text for cell in grid.rows[0]] == [
        "64 users", "throughput", first.candidate, "8.97 \u00d7", "0.0469", "faster",
    ]  # fmt: skip


# --- footnotes -------------------------------------------------------------------------------------------------------


def test_reasons_that_differ_only_in_numbers_share_a_footnote() -> None:
    """A footnote for each row would bury the table."""
    rows = [[missing("there were 61 of 1,000")], [missing("there were 911 of 1,000")], [missing("not sent")]]
    grid = make_grid("t", [Head("p99")], rows)
    assert grid.notes == ("there were 61 to 911 of 1,000", "not sent")
    assert [row[0].marks for row in grid.rows] == [(1,), (1,), (2,)]


def test_a_narrowed_table_keeps_only_the_footnotes_that_it_needs() -> None:
    """Numbered anew."""
    heads = [Head("a"), Head("b", rank=2), Head("c", rank=1)]
    grid = narrowed(make_grid("t", heads, [[Cell("1"), missing("first"), missing("second")]]), 1)
    assert [head.title for head in grid.heads] == ["a", "c"]
    assert grid.notes == ("second",)
    assert grid.rows[0][1].marks == (1,)


def test_a_percentile_that_is_a_lower_bound_is_written_as_one(run: Run) -> None:
    """With its reason. The column of p99.9 is there as soon as one stack has enough requests for it."""
    reason = "p99.9 is a lower bound, without interval and verdict: 90 of 10,000 requests got no right answer"
    bound = Estimate(point=10_000.0, low=None, high=None, level=0.95, n=7)
    rows = tuple(
        change(
            row,
            latency_ms=change(row.latency_ms, p999=bound, max=10_050.0, at_least=("p999", "max")),
            withheld=(reason,),
        )
        if row.stack == "fastapi-uvicorn"
        else row
        for row in run.summary.results
    )
    assert "p99.9" not in [head.title for head in result_grids(run)[0].heads]
    grid = result_grids(with_summary(run, results=rows))[0]
    row = cells(grid, "fastapi-uvicorn")
    assert (row["p99.9"].text, row["longest"].text) == ("\u2265 10,000", "\u2265 10,050")
    assert [grid.notes[mark - 1] for mark in row["p99.9"].marks] == [reason]
    assert cells(grid, "flask-gunicorn-sync")["longest"].text[0].isdigit()


def test_a_percentile_without_an_interval_says_why(run: Run) -> None:
    """The number is there, and the reason below the table."""
    reason = "p99 is without interval and verdict, since it is a lower bound in 1 of 7 blocks"
    point = Estimate(point=20.0, low=None, high=None, level=0.95, n=7)
    rows = tuple(
        change(row, latency_ms=change(row.latency_ms, p99=point), withheld=(reason,)) for row in run.summary.results
    )
    grid = result_grids(with_summary(run, results=rows))[0]
    cell = cells(grid, "fastapi-uvicorn")["p99"]
    assert (cell.text, cell.detail) == ("20.0", "")
    assert [grid.notes[mark - 1] for mark in cell.marks] == [reason]
