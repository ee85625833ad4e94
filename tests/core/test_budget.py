"""How much downtime a month still bears is told in advance as the settlement will find it: to the second, never a guess."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.budget import NONE_ALLOWED, Budget, budget
from pipeline.core.inventory import MaintenanceWindow
from pipeline.core.outage import Outage, ServiceState
from pipeline.core.plan import Denominator, Plan, Rating
from pipeline.core.settlement import Terms
from pipeline.core.sla import evaluate
from tests.support.contracts import HOUR, MINUTE, SECOND, bands, contract_of, customer_of, ns, outage_of, plan_of, service_of, window_of

START, NEXT = ns("2026-11-01"), ns("2026-12-01")
MONTH_S = 30 * 86_400
NINES = plan_of(bands(("0", "99.9", "10"), ("99.9", None, "0")), target="99.9")
QUICK = plan_of(bands(("0", "10", "0"), ("10", None, "5")), rating=Rating.CUMULATIVE_SECONDS, target="99.9996")


def terms_of(plan: Plan, timezone: str = "UTC", windows: tuple[MaintenanceWindow, ...] = ()) -> Terms:
    return Terms(contract_of(), plan, customer_of(timezone), (service_of(),), windows)


def told(plan: Plan, *outages: Outage, at: int = START + 10 * HOUR, **options: object) -> Budget:
    return budget(terms_of(plan, **options), service_of(), outages, at)  # type: ignore[arg-type]  # options of a test


def lasting(after: int, **fields: object) -> Outage:
    """An outage that began so long after the month and lasts."""
    return outage_of(START + after, 0, **fields)


def test_an_untouched_month_has_all_that_its_plan_allows() -> None:
    """99.9 % of thirty days is 43 minutes and 12 seconds."""
    found = told(NINES)
    assert (found.allowed_s, found.left_s, found.counted_s) == (2592, 2592, 0)
    assert found.availability == "100.00000"
    assert (found.running, found.missed_at) == (False, 0)
    assert (found.period, found.ends_at, found.target) == ("2026-11", NEXT, "99.9")


def test_what_lasts_uses_it_up_and_the_second_at_which_it_is_missed_is_told() -> None:
    """Ten minutes lost before, five so far: 28 min 12 s are left, and one second more misses the target."""
    before, now = outage_of(START + HOUR, START + HOUR + 10 * MINUTE, "o1"), START + 10 * HOUR
    found = told(NINES, before, lasting(10 * HOUR - 5 * MINUTE, name="o2"), at=now)
    assert (found.counted_s, found.left_s, found.running) == (900, 1692, True)
    assert found.missed_at == now + 1693 * SECOND


def test_a_month_that_is_missed_says_since_when_and_stays_so() -> None:
    found = told(QUICK, outage_of(START + HOUR, START + HOUR + MINUTE))
    assert (found.allowed_s, found.left_s) == (9, -51)
    assert found.missed_at == START + HOUR + 10 * SECOND
    assert not found.running


def test_what_lasts_is_taken_as_confirmed_and_what_ended_unconfirmed_never_counts() -> None:
    """Whoever warns when the poll has confirmed it warns too late."""
    now = START + 10 * HOUR
    found = told(NINES, lasting(10 * HOUR - MINUTE, confirmed_by=""), outage_of(START, START + HOUR, "o2", confirmed_by=""), at=now)
    assert (found.counted_s, found.unconfirmed_s) == (60, 60)


def test_planned_work_counts_only_once_it_overruns_its_window() -> None:
    """The countdown begins at the end of the window, not before."""
    now = START + 10 * HOUR
    window = window_of(now - HOUR, now + HOUR, noticed_at=START - 10 * 24 * HOUR)
    found = told(NINES, lasting(9 * HOUR, excluded=window.name), at=now, windows=(window,))
    assert (found.counted_s, found.excluded_s, found.running) == (0, 3600, True)
    assert found.missed_at == window.ends_at + 2593 * SECOND


def test_an_outage_counts_from_its_start_once_it_is_long_enough() -> None:
    """Below the minimum nothing is spent; then all of it at once, and the projection knows."""
    now = START + 10 * HOUR
    plan = replace(NINES, minimum_outage_s=300)
    found = told(plan, lasting(10 * HOUR - 4 * MINUTE), at=now)
    assert (found.counted_s, found.missed_at) == (0, now + (2593 - 240) * SECOND)


def test_a_degraded_service_runs_down_only_where_the_plan_says_so() -> None:
    slow = lasting(9 * HOUR, state=ServiceState.DEGRADED)
    assert told(NINES, slow).running is False
    assert told(replace(NINES, degraded_counts=True), slow).counted_s == 3600
    assert told(NINES, lasting(9 * HOUR, state=ServiceState.REDUNDANCY_LOST)).missed_at == 0


def test_the_month_is_the_customers() -> None:
    """The clock of Auckland is half a day ahead: its December has begun, and nothing of November is spent there."""
    late = ns("2026-11-30 20:00")
    spent = outage_of(START + HOUR, START + 2 * HOUR)
    assert told(NINES, spent, at=late, timezone="Pacific/Auckland").period == "2026-12"
    assert told(NINES, spent, at=late, timezone="Pacific/Auckland").counted_s == 0
    assert told(NINES, spent, at=late).counted_s == 3600


def test_what_would_be_missed_next_month_is_not_missed_in_this_one() -> None:
    """The budget is new on the first; a projection beyond the month's end would be wrong."""
    assert told(NINES, lasting(30 * 24 * HOUR - 5 * MINUTE), at=NEXT - MINUTE).missed_at == 0


def test_a_target_that_no_month_can_meet_allows_nothing() -> None:
    assert told(plan_of(bands(("0", None, "5")), rating=Rating.CUMULATIVE_SECONDS)).allowed_s == NONE_ALLOWED


def test_another_services_outages_and_older_revisions_do_not_count() -> None:
    other = lasting(HOUR, name="o9")
    ended = replace(outage_of(START + HOUR, START + HOUR + MINUTE, "o1"), revision=2)
    found = told(NINES, replace(other, service="another"), replace(lasting(HOUR, name="o1"), revision=1), ended)
    assert (found.counted_s, found.running) == (60, False)


PLANS = st.builds(
    lambda base, denominator, least, gap, from_start: replace(
        base, denominator=denominator, minimum_outage_s=least, merge_gap_s=gap, minimum_counts=from_start
    ),
    st.sampled_from([NINES, QUICK, replace(NINES, degraded_counts=True)]),
    st.sampled_from(Denominator),
    st.sampled_from([0, 30, 300]),
    st.sampled_from([0, 60]),
    st.booleans(),
)
OUTAGES = st.lists(
    st.tuples(st.integers(0, MONTH_S // 2), st.integers(1, 4000), st.sampled_from(["", "a1"]), st.sampled_from(ServiceState)), max_size=5
)


@settings(max_examples=150, deadline=None)
@given(PLANS, OUTAGES, st.one_of(st.none(), st.integers(0, 3000)), st.booleans())
def test_the_settlement_turns_at_the_very_second_that_was_told(
    plan: Plan, past: list[tuple[int, int, str, ServiceState]], ago: int | None, planned: bool
) -> None:
    """Whatever the plan, what was down before, and whether planned work covers the beginning of what lasts."""
    now = START + (MONTH_S // 2 + 5000) * SECOND
    begun = now - (ago or 0) * SECOND
    window = window_of(begun - HOUR, now + HOUR, noticed_at=START - 10 * 24 * HOUR)
    outages = [
        outage_of(START + after * SECOND, START + (after + lasts) * SECOND, f"o{number}", confirmed_by=by, state=state)
        for number, (after, lasts, by, state) in enumerate(past)
    ]
    if ago is not None:
        outages.append(outage_of(begun, 0, "now", excluded=window.name if planned else ""))
    terms = terms_of(plan, windows=(window,))
    found = budget(terms, service_of(), outages, now)

    def missed(cut_at: int) -> bool:
        cut = [replace(each, ended_at=min(each.ended_at or cut_at, cut_at)) for each in outages if each.started_at < cut_at]
        return evaluate(terms.contract, plan, service_of(), terms.customer, cut, START, NEXT, windows=terms.windows).violated

    if found.missed_at:
        assert missed(found.missed_at)
        assert not missed(found.missed_at - SECOND)
    else:
        assert not missed(NEXT)
    if plan.denominator is not Denominator.MINUS_PLANNED:
        assert (found.left_s < 0) == (0 < found.missed_at <= now)


@pytest.mark.parametrize("spent", [0, 1, 2591, 2592, 2593])
def test_left_and_missed_agree_at_the_edge(spent: int) -> None:
    found = told(NINES, outage_of(START, START + spent * SECOND))
    assert (found.left_s, bool(found.missed_at)) == (2592 - spent, spent > 2592)
