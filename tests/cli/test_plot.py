"""What a plot's legend says of the range that was usual."""

import numpy as np
import pytest

from pipeline.anomalies import Line
from pipeline.cli import plot

MINUTE = 60 * 10**9
AT = tuple(MINUTE * number for number in range(60))


def line(lower: float, upper: float) -> Line:
    """An hour of values between 0.4 and 0.5 beside such a range."""
    observed = tuple(0.45 + 0.05 * np.sin(AT[number] / MINUTE) for number in range(60))
    return Line("in_utilisation", "in_utilisation", AT, observed, (0.45,) * 60, (lower,) * 60, (upper,) * 60)


@pytest.mark.parametrize(
    ("lower", "upper", "said"),
    [
        (0.38, 0.52, ", UTC, · what is usual lies between"),
        (0.0, 0.9, ", UTC, usual is 0 to 0.9, beyond the plot"),
        (np.nan, np.nan, ", UTC"),
    ],
)
def test_the_legend_says_where_the_usual_range_is(lower: float, upper: float, said: str) -> None:
    """Within the plot it is drawn; beyond it, it is said, so that nobody takes the plot's edge for it."""
    drawn = line(lower, upper)
    assert plot.legend(drawn, 0).plain == f"in_utilisation{said}"
    assert ("·" in plot.terminal(drawn, 0, 80).plain) == ("·" in said)
