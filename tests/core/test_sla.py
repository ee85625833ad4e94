"""An evaluation says, to the second and the cent, what was agreed, what was delivered and what is owed."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.exclusion import Exclusion, ExclusionKind
from pipeline.core.inventory import Contract, MaintenanceWindow
from pipeline.core.outage import Outage, ServiceState
from pipeline.core.plan import Chronic, Denominator, Objective, ObjectiveMetric, Plan, Rating, Rounding, band_of
from pipeline.core.plan_check import validate, versions_findings
from pipeline.core.reason import Reason
from pipeline.core.sla import Evaluation, evaluate
from pipeline.core.span import Span, length, union
from tests.support.contracts import HOUR, MINUTE, SECOND, bands, contract_of, customer_of, ns, outage_of, plan_of, service_of, window_of

LUMEN = plan_of(
    bands(("0", "300", "0"), ("300", "1800", "10"), ("1800", "3600", "20"), ("3600", "7200", "50"), ("7200", None, "100")),
    rating=Rating.CUMULATIVE_SECONDS,
    target="99.9",
)
AWS = plan_of(bands(("0", "95", "100"), ("95", "99", "25"), ("99", "99.99", "10"), ("99.99", None, "0")), minimum_payable_minor=101)
ONE_NINE = plan_of(bands(("0", "99.99", "10"), ("99.99", None, "0")))
START = ns("2026-11-01")
NEXT = ns("2026-12-01")
LATER = ns("2026-12-05")


def held(plan: Plan, *outages: Outage, timezone: str = "UTC", contract: Contract | None = None, **options: object) -> Evaluation:
    """November 2026 (or ``at``) held against a plan, after it ended."""
    values = {"at": START, "now": LATER} | options
    return evaluate(contract or contract_of(), plan, service_of(), customer_of(timezone), outages, **values)  # type: ignore[arg-type]  # options of a test


def down(seconds: int, *, after: int = 0, name: str = "o1", **fields: object) -> Outage:
    """A confirmed outage of so many seconds, ``after`` seconds into November."""
    begin = START + after * SECOND
    return outage_of(begin, begin + seconds * SECOND, name, **fields)


@pytest.mark.parametrize(
    ("seconds", "percent"),
    [(0, 0), (299, 0), (300, 10), (1799, 10), (1800, 20), (3599, 20), (3600, 50), (7199, 50), (7200, 100), (90_000, 100)],
)
def test_lumen_pays_by_cumulative_seconds(seconds: int, percent: int) -> None:
    """Lumen Edge Bare Metal, February 2021: steps at 5 and 30 minutes, 1 and 2 hours, half-open, cumulative over the month."""
    halves = (down(seconds // 2), down(seconds - seconds // 2, after=500_000, name="o2"))
    found = held(LUMEN, *halves)
    assert (found.counted_s, found.credit_minor) == (seconds, percent * 1_000)
    assert found.violated is (percent > 0)


@pytest.mark.parametrize(
    ("seconds", "charge", "credit"),
    [
        (259, 100_000, 0),  # 99.99001 % of 2,592,000 s
        (260, 100_000, 10_000),  # 99.98997 %
        (25_920, 100_000, 10_000),  # exactly 99 %
        (25_921, 100_000, 25_000),
        (129_600, 100_000, 25_000),  # exactly 95 %
        (129_601, 100_000, 100_000),
        (260, 1_000, 0),  # 1.00 is not above 1
        (260, 1_010, 101),
    ],
)
def test_aws_pays_by_availability_above_one_dollar(seconds: int, charge: int, credit: int) -> None:
    """AWS Interconnect 2026: under 99.99 % a tenth, under 99 % a quarter, under 95 % all; only amounts above 1 USD are paid."""
    assert held(AWS, down(seconds), contract=contract_of(charge, "USD")).credit_minor == credit


@pytest.mark.parametrize(("timezone", "availability", "violated"), [("Europe/London", "99.990007", False), ("UTC", "99.989994", True)])
def test_daylight_saving_decides_a_target(timezone: str, availability: str, violated: bool) -> None:
    """268 s in October 2026 meet 99.99 % in London's month, which has one hour more, and miss it in UTC's."""
    begin = ns("2026-10-10 12:00")
    plan = plan_of(ONE_NINE.bands, availability_places=6, availability_rounding=Rounding.HALF_UP)
    found = held(plan, outage_of(begin, begin + 268 * SECOND), timezone=timezone, at=begin)
    assert (str(found.availability), found.violated) == (availability, violated)
    assert found.credit_minor == (10_000 if violated else 0)


def test_month_is_the_customers() -> None:
    """The same outage over midnight falls into two months, cut where the customer lives."""
    night = outage_of(ns("2026-10-31 23:00"), ns("2026-11-01 01:00"))
    assert held(ONE_NINE, night).counted_s == 3600
    assert held(ONE_NINE, night, timezone="Europe/Amsterdam", at=ns("2026-11-10")).counted_s == 7200
    assert held(ONE_NINE, night, timezone="Asia/Tokyo", at=ns("2026-11-10")).counted_s == 7200
    assert held(ONE_NINE, night, timezone="America/New_York", at=ns("2026-11-10")).counted_s == 0


def test_running_month_is_cut_at_now_and_an_open_outage_ends_there() -> None:
    """A month that is not over is held against what passed of it."""
    found = held(ONE_NINE, outage_of(START + HOUR, 0), now=START + 4 * HOUR)
    assert (found.counted_s, found.denominator_s, found.availability) == (3 * 3600, 4 * 3600, Decimal("25.00000"))
    assert found.period_ends_at == START + 4 * HOUR
    assert any(line.endswith("so far") for line in found.arithmetic)


def test_month_that_has_not_begun_is_met() -> None:
    """Nothing was to be delivered, so nothing is missed."""
    found = held(ONE_NINE, now=START - HOUR)
    assert (found.availability, found.violated, found.denominator_s) == (100, False, 0)


def test_overlapping_outages_count_once() -> None:
    """Downtime is the union of intervals, whichever outages they belong to."""
    found = held(ONE_NINE, down(600, name="a"), down(600, after=300, name="b"), down(60, after=100, name="c"))
    assert (found.counted_s, found.outages) == (900, ("a", "c", "b"))


def test_only_the_last_revision_of_an_outage_counts() -> None:
    """An outage that was corrected is not counted as it was before."""
    assert held(ONE_NINE, down(600, revision=2), down(6000, revision=1)).counted_s == 600


@pytest.mark.parametrize(("gap_s", "counted"), [(0, 120), (59, 120), (60, 180), (600, 180)])
def test_merge_gap_makes_one_outage_of_two(gap_s: int, counted: int) -> None:
    """Outages at most the gap apart are one, and the time between belongs to it."""
    plan = plan_of(ONE_NINE.bands, merge_gap_s=gap_s)
    assert held(plan, down(60), down(60, after=120, name="o2")).counted_s == counted


@pytest.mark.parametrize(("minimum_counts", "counted"), [(True, 900), (False, 0)])
def test_minimum_duration(minimum_counts: bool, counted: int) -> None:
    """A shorter outage does not count and says so; a longer one counts from its start, or from the minimum on."""
    plan = plan_of(ONE_NINE.bands, minimum_outage_s=900, minimum_counts=minimum_counts)
    found = held(plan, down(899), down(900, after=10_000, name="o2"))
    assert found.counted_s == counted
    assert found.intervals[0].excluded == "below-minimum"


def test_minimum_looks_at_the_whole_outage_not_at_the_months_share() -> None:
    """Twenty minutes over a month's edge reach fifteen, though neither month holds that much."""
    plan = plan_of(ONE_NINE.bands, minimum_outage_s=900)
    edge = outage_of(START - 600 * SECOND, START + 600 * SECOND)
    assert held(plan, edge).counted_s == 600
    assert held(plan, edge, at=START - HOUR).counted_s == 600


def test_degraded_counts_only_where_agreed_and_lost_redundancy_never() -> None:
    """What counts as downtime is the plan's word, except that a service that works is not down."""
    outages = (down(600, state=ServiceState.DEGRADED), down(600, after=5000, name="o2", state=ServiceState.REDUNDANCY_LOST))
    assert held(ONE_NINE, *outages).counted_s == 0
    assert held(plan_of(ONE_NINE.bands, degraded_counts=True), *outages).counted_s == 600


def test_unconfirmed_outage_is_reported_and_never_pays() -> None:
    """What only an unauthenticated trap claims is shown, named as the reason, and owes nothing."""
    found = held(ONE_NINE, down(600, confirmed_by=""))
    assert (found.counted_s, found.unconfirmed_s, found.violated, found.credit_minor) == (0, 600, False, 0)
    assert found.reason == Reason.UNCONFIRMED
    assert found.outages == ()
    assert found.intervals[0].excluded == "unconfirmed"


def test_evidence_names_only_outages_that_count() -> None:
    """Counted time is named after a confirmed outage, though a trap spoke first; the doubtful and the short are shown as such."""
    plan = plan_of(ONE_NINE.bands, minimum_outage_s=100)
    found = held(plan, down(600, name="trap", confirmed_by=""), down(500, after=50, name="poll"), down(10, after=9000, name="short"))
    assert found.outages == ("poll",)
    shown = [(i.outage, (i.ends_at - i.starts_at) // SECOND, i.excluded) for i in found.intervals]
    assert shown == [("trap", 50, "unconfirmed"), ("poll", 500, ""), ("trap", 50, "unconfirmed"), ("short", 10, "below-minimum")]


def test_later_stretch_is_named_after_its_own_outage() -> None:
    """Each counted interval names an outage that reaches into it, not one that ended before."""
    found = held(ONE_NINE, down(60, name="first"), down(60, after=60 * 60, name="second"))
    assert [interval.outage for interval in found.intervals] == ["first", "second"]


def test_unconfirmed_time_is_counted_once_when_confirmed_elsewhere() -> None:
    """Doubt about one outage does not touch what another proves."""
    found = held(ONE_NINE, down(600, confirmed_by=""), down(400, name="o2"))
    assert (found.counted_s, found.unconfirmed_s) == (400, 200)


@pytest.mark.parametrize(
    ("noticed_before_s", "notice_s", "counted", "reason"),
    [(86_400, 86_400, 600, Reason.TARGET_MISSED), (86_399, 86_400, 4200, Reason.TARGET_MISSED), (0, 0, 600, Reason.TARGET_MISSED)],
)
def test_planned_work_is_excluded_when_announced_in_time(noticed_before_s: int, notice_s: int, counted: int, reason: Reason) -> None:
    """An hour of planned work that overran by ten minutes: the overrun counts, and all of it when the notice was short."""
    begin = START + 10 * 86_400 * SECOND
    window = window_of(begin, begin + HOUR, begin - noticed_before_s * SECOND)
    plan = plan_of(ONE_NINE.bands, planned_notice_s=notice_s)
    found = held(plan, outage_of(begin, begin + 70 * MINUTE, excluded="mw-1"), windows=[window])
    assert (found.counted_s, found.excluded_s, found.reason) == (counted, 4200 - counted, reason)


def test_work_that_was_never_announced_has_no_notice() -> None:
    """A window without a time of notice excludes only where no notice is wanted."""
    begin = START + 10 * 86_400 * SECOND
    planned = outage_of(begin, begin + HOUR, excluded="mw-1")
    windows = [window_of(begin, begin + HOUR)]
    assert held(plan_of(ONE_NINE.bands, planned_notice_s=1), planned, windows=windows).counted_s == 3600
    assert held(ONE_NINE, planned, windows=windows).counted_s == 0


def test_planned_work_alone_is_the_reason_that_a_target_is_met() -> None:
    """The word for it is in the evidence, with the window's name."""
    found = held(ONE_NINE, down(3600, excluded="mw-1"), windows=[window_of(START, START + HOUR)])
    assert (found.reason, found.excluded_s, found.credit_minor) == (Reason.EXCLUDED_PLANNED, 3600, 0)
    assert found.intervals[0].excluded == "excluded-planned: mw-1"


def test_window_that_is_not_known_or_not_agreed_excludes_nothing() -> None:
    """Without its window an outage counts; so does all planned work where the plan does not exclude it."""
    planned = down(3600, excluded="mw-1")
    assert held(ONE_NINE, planned).counted_s == 3600
    window = window_of(START, START + HOUR)
    assert held(plan_of(ONE_NINE.bands, excludes=()), planned, windows=[window]).counted_s == 3600


def test_fault_during_planned_work_counts() -> None:
    """Time that another confirmed outage claims is not excused by work elsewhere."""
    found = held(ONE_NINE, down(3600, excluded="mw-1"), down(600, name="o2"), windows=[window_of(START, START + HOUR)])
    assert (found.counted_s, found.excluded_s) == (600, 3000)


def test_merge_gap_never_bridges_planned_work() -> None:
    """Planned time between two outages stays excluded, however near they are."""
    window = window_of(START + MINUTE, START + HOUR)
    whole = outage_of(START, START + HOUR + MINUTE, excluded="mw-1")
    found = held(plan_of(ONE_NINE.bands, merge_gap_s=7200), whole, windows=[window])
    assert (found.counted_s, found.excluded_s) == (120, 3540)


@pytest.mark.parametrize(
    ("denominator", "expected"),
    [
        (Denominator.ACTUAL, 30 * 86_400),
        (Denominator.FIXED_30_DAYS, 30 * 86_400),
        (Denominator.MINUS_PLANNED, 30 * 86_400 - 3600),
        (Denominator.ENABLED, 20 * 86_400),
    ],
)
def test_denominators(denominator: Denominator, expected: int) -> None:
    """Availability is a share of the month, of 30 days, of the month without planned downtime, or of the time enabled."""
    plan = plan_of(ONE_NINE.bands, denominator=denominator)
    window = window_of(START + HOUR, START + 2 * HOUR)
    planned = down(3600, after=3600, excluded="mw-1")
    enabled_from = START + 10 * 24 * HOUR if denominator is Denominator.ENABLED else 0
    found = held(plan, planned, down(600, after=86_400 * 15, name="o2"), windows=[window], enabled_from=enabled_from)
    assert found.denominator_s == expected
    exact = Decimal(100) * (expected - 600) / expected
    assert 0 <= exact - found.availability < Decimal("0.00001")


def test_downtime_before_the_service_was_enabled_does_not_count() -> None:
    """A service that is not yet sold cannot be down, and one that is enabled after the month owes nothing for it."""
    plan = plan_of(ONE_NINE.bands, denominator=Denominator.ENABLED)
    found = held(plan, down(1200), enabled_from=START + 300 * SECOND)
    assert (found.counted_s, found.denominator_s) == (900, 30 * 86_400 - 300)
    late = held(plan, down(1200), enabled_from=NEXT + HOUR)
    assert (late.counted_s, late.denominator_s, late.availability) == (0, 0, 100)
    second = held(plan, enabled_from=NEXT - SECOND)
    assert (second.denominator_s, second.availability) == (1, 100)


def test_availability_is_never_negative() -> None:
    """31 days down in a fixed month of 30 are 0 %, and one second up is not nothing."""
    plan = plan_of(ONE_NINE.bands, denominator=Denominator.FIXED_30_DAYS)
    whole = outage_of(ns("2026-10-01"), ns("2026-11-01"))
    assert held(plan, whole, at=ns("2026-10-10")).availability == 0
    but_one = outage_of(START, NEXT - SECOND)
    assert held(plan, but_one).availability == Decimal("0.00003")


def test_february_and_a_fixed_month_differ() -> None:
    """Fixed 30 days stay 2,592,000 s in a month of 28."""
    plan = plan_of(ONE_NINE.bands, denominator=Denominator.FIXED_30_DAYS)
    assert held(plan, at=ns("2026-02-10")).denominator_s == 2_592_000
    assert held(ONE_NINE, at=ns("2026-02-10")).denominator_s == 28 * 86_400


def test_downtime_outside_of_the_contract_does_not_count() -> None:
    """A contract that began and ended within the month answers for that time only."""
    contract = contract_of(valid_from=START + 300 * SECOND, valid_until=START + 900 * SECOND)
    assert held(ONE_NINE, down(1200), contract=contract).counted_s == 600


@pytest.mark.parametrize(("rounding", "availability"), [(Rounding.DOWN, "99.98"), (Rounding.HALF_UP, "99.99"), (Rounding.UP, "99.99")])
def test_rounding_is_part_of_the_agreement(rounding: Rounding, availability: str) -> None:
    """99.98997 % meets 99.99 % only where the contract rounds to two places upwards."""
    plan = plan_of(ONE_NINE.bands, availability_places=2, availability_rounding=rounding)
    found = held(plan, down(260))
    assert str(found.availability) == availability
    assert found.violated is (rounding is Rounding.DOWN)


def test_cap_bounds_the_credit() -> None:
    """A cap below the band's share is what is paid, and the reason says so."""
    found = held(plan_of(AWS.bands, cap_percent=Decimal(15)), down(200_000))
    assert (found.credit_minor, found.reason) == (15_000, Reason.CAPPED)


def test_credit_at_the_cap_is_not_capped() -> None:
    """The whole charge under a cap of the whole charge is what the band says, and no line speaks of a cap."""
    found = held(LUMEN, down(7200))
    assert (found.credit_minor, found.reason) == (100_000, Reason.TARGET_MISSED)
    assert not any("cap" in line for line in found.arithmetic)


def test_small_credit_is_missed_but_not_paid() -> None:
    """Under the least payable amount the miss stands and nothing is owed."""
    found = held(plan_of(AWS.bands, minimum_payable_minor=10_001), down(600))
    assert (found.violated, found.credit_minor, found.reason) == (True, 0, Reason.BELOW_MINIMUM)


def test_yen_has_no_cents() -> None:
    """A share of a currency without decimals is whole: 10 % of 12,345 yen is 1,235 rounded half up."""
    found = held(ONE_NINE, down(600), contract=contract_of(12_345, "JPY"))
    assert found.credit_minor == 1_235
    assert "credit: 10 % of 12345 JPY = 1235 JPY" in found.arithmetic


def test_arithmetic_can_be_followed_by_hand() -> None:
    """Every figure of the result stands in the lines, with how it came about."""
    assert held(ONE_NINE, down(600)).arithmetic == (
        "period 2026-11 of UTC: 2026-11-01T00:00:00+00:00 to 2026-12-01T00:00:00+00:00 = 2592000 s",
        "2026-11-01T00:00:00+00:00 to 2026-11-01T00:10:00+00:00: 600 s, outage o1, counts",
        "downtime: 600 s counted, 0 s planned, 0 s unconfirmed",
        "availability: 100 x (2592000 - 600) / 2592000 = 99.97685 % (5 decimals, rounded down)",
        "target 99.99 %: missed; band: from 0 % up to, not including, 99.99 %",
        "credit: 10 % of 1000.00 EUR = 100.00 EUR",
    )


def test_same_facts_have_the_same_id_and_other_facts_another() -> None:
    """An evaluation's identity is its contract, service, period, revision and figures, not when it was asked for."""
    first = held(ONE_NINE, down(600))
    assert held(ONE_NINE, down(600), now=LATER + HOUR).id == first.id
    assert len({first.id, held(ONE_NINE, down(601)).id, held(ONE_NINE, down(600), revision=2).id}) == 3


@pytest.mark.parametrize(
    ("steps", "path", "says"),
    [
        (bands(("0", "96.89", "50"), ("97.9", None, "0")), "$.bands[1].lower", "gap: nothing is said from 96.89 to 97.9"),
        (bands(("0", "98", "50"), ("97", None, "0")), "$.bands[1].lower", "overlap: from 97 to 98 two bands answer"),
        (bands(("0", None, "50"), ("97", None, "0")), "$.bands[1].lower", "overlap: from 97 to no end two bands answer"),
        (bands(("1", None, "0")), "$.bands[0].lower", "gap: nothing is said from 0 to 1"),
        (bands(("0", "100", "10")), "$.bands[0].upper", "gap: nothing is said from 100 upwards"),
        (bands(("0", "99", "10"), ("99", "99", "5"), ("99", None, "0")), "$.bands[1]", "is empty"),
        (bands(("0", "99", "10"), ("99", None, "20")), "$.bands[1].credit_percent", "a worse month would pay less"),
        (bands(("0", None, "120")), "$.bands[0].credit_percent", "120 is no share"),
        ((), "$.bands", "no band"),
    ],
)
def test_schedule_with_a_gap_or_overlap_is_refused_by_name(steps: tuple, path: str, says: str) -> None:
    """The finding names the place and the figures between which nothing, or too much, is said."""
    found = [finding for finding in validate(plan_of(steps)) if finding.path == path]
    assert any(says in finding.message and finding.remedy for finding in found)


def test_good_plans_have_no_findings_and_bad_numbers_each_have_one() -> None:
    """Published schedules pass; every wrong number is told at once."""
    assert validate(LUMEN) == validate(AWS) == ()
    extremes = (
        {"cap_percent": Decimal(0)},
        {"cap_percent": Decimal(100)},
        {"availability_places": 0},
        {"availability_places": 9},
        {"target": "100"},
    )
    assert [validate(plan_of(AWS.bands, **extreme)) for extreme in extremes] == [()] * 5  # type: ignore[arg-type]  # keyword pass-through of a test
    level = bands(("0", "10", "5"), ("10", "20", "5"), ("20", None, "5"))
    assert validate(plan_of(level)) == validate(plan_of(level, rating=Rating.CUMULATIVE_SECONDS)) == ()
    ends = plan_of(bands(("0", "7200", "0")), rating=Rating.CUMULATIVE_SECONDS)
    assert [finding.path for finding in validate(ends)] == ["$.bands[0].upper"]
    wrong = plan_of(AWS.bands, target="0", cap_percent=Decimal(101), availability_places=10, merge_gap_s=-1, minimum_outage_s=-1)
    assert {finding.path for finding in validate(wrong)} == {
        "$.target",
        "$.cap_percent",
        "$.availability_places",
        "$.merge_gap_s",
        "$.minimum_outage_s",
    }


def test_figure_in_a_gap_is_an_error_not_a_guess() -> None:
    """A schedule that was never validated cannot make an evaluation silently wrong."""
    with pytest.raises(ValueError, match="gap at 97"):
        band_of(bands(("0", "96.89", "50"), ("97.9", None, "0")), Decimal(97))


WITHIN = st.integers(-2 * 3600, 40 * 3600)
OUTAGE = st.builds(
    lambda begin, seconds, name, confirmed, planned, state: down(
        seconds, after=begin, name=f"o{name}", confirmed_by="a" if confirmed else "", excluded="mw-1" if planned else "", state=state
    ),
    WITHIN,
    st.integers(0, 20_000),
    st.integers(0, 10**9),
    st.booleans(),
    st.booleans(),
    st.sampled_from([ServiceState.DOWN, ServiceState.DEGRADED, ServiceState.REDUNDANCY_LOST]),
)
OUTAGES = st.lists(OUTAGE, max_size=8, unique_by=lambda outage: outage.id)
PLANS = st.builds(
    lambda gap, minimum, counts, denominator, steps: plan_of(
        steps.bands,
        steps.rating,
        merge_gap_s=gap,
        minimum_outage_s=minimum,
        minimum_counts=counts,
        denominator=denominator,
        degraded_counts=True,
    ),
    st.sampled_from([0, 60, 7200]),
    st.sampled_from([0, 300]),
    st.booleans(),
    st.sampled_from(list(Denominator)),
    st.sampled_from([LUMEN, AWS]),
)
WINDOW: list[MaintenanceWindow] = [window_of(START + 5 * HOUR, START + 9 * HOUR)]


def figures(found: Evaluation) -> tuple[object, ...]:
    """What is money or leads to it."""
    return found.counted_s, found.excluded_s, found.unconfirmed_s, found.denominator_s, found.availability, found.credit_minor


@settings(deadline=None)
@given(plan=PLANS, outages=OUTAGES, shuffle=st.randoms(use_true_random=False))
def test_order_of_outages_does_not_matter(plan: Plan, outages: list[Outage], shuffle: object) -> None:
    """The same facts in any order are the same evaluation, evidence included."""
    mixed = list(outages)
    shuffle.shuffle(mixed)  # type: ignore[attr-defined]  # a Random of hypothesis
    assert held(plan, *mixed, windows=WINDOW) == held(plan, *outages, windows=WINDOW)


@settings(deadline=None)
@given(plan=PLANS, outages=OUTAGES, extra=OUTAGE)
def test_another_outage_never_raises_availability(plan: Plan, outages: list[Outage], extra: Outage) -> None:
    """More downtime is never better, and never pays less."""
    more = outage_of(extra.started_at, extra.ended_at, "extra", state=extra.state, confirmed_by=extra.confirmed_by)
    before, after = held(plan, *outages, windows=WINDOW), held(plan, *outages, more, windows=WINDOW)
    assert after.availability <= before.availability
    assert after.credit_minor >= before.credit_minor


@settings(deadline=None)
@given(plan=PLANS, outages=OUTAGES, charge=st.integers(0, 10**9), cap=st.integers(0, 100))
def test_credit_never_exceeds_the_cap(plan: Plan, outages: list[Outage], charge: int, cap: int) -> None:
    """Nobody is paid more than the agreed share of the charge."""
    capped = plan_of(plan.bands, plan.rating, cap_percent=Decimal(cap))
    found = held(capped, *outages, windows=WINDOW, contract=contract_of(charge))
    assert 0 <= found.credit_minor <= (charge * cap + 50) // 100 <= charge


@settings(deadline=None)
@given(plan=PLANS, outages=OUTAGES, extra=OUTAGE, part=st.fractions(0, 1))
def test_cutting_an_outage_in_two_changes_nothing(plan: Plan, outages: list[Outage], extra: Outage, part: object) -> None:
    """How the evidence is divided is no business of the money."""
    middle = extra.started_at + int((extra.ended_at - extra.started_at) * part)  # type: ignore[operator]  # a Fraction
    fields = {"state": extra.state, "confirmed_by": extra.confirmed_by, "excluded": extra.excluded}
    whole = held(plan, *outages, outage_of(extra.started_at, extra.ended_at, "w", **fields), windows=WINDOW)
    halves = [outage_of(extra.started_at, middle, "l", **fields), outage_of(middle, extra.ended_at, "r", **fields)]
    assert figures(held(plan, *outages, *halves, windows=WINDOW)) == figures(whole)


@settings(deadline=None)
@given(plan=PLANS, outages=OUTAGES)
def test_intervals_add_up_to_what_counted(plan: Plan, outages: list[Outage]) -> None:
    """The evidence shown is exactly the downtime charged, each interval with an outage that counted."""
    found = held(plan, *outages, windows=WINDOW)
    counted = [interval for interval in found.intervals if not interval.excluded]
    assert sum(interval.ends_at - interval.starts_at for interval in counted) == found.counted_s * SECOND
    assert 0 <= found.availability <= 100


KINDS = st.sampled_from(list(ExclusionKind))
EXCLUSIONS = st.lists(
    st.builds(
        lambda kind, begin, seconds, name: Exclusion(name, kind, START + begin * SECOND, START + (begin + seconds) * SECOND, "s1"),
        KINDS,
        WITHIN,
        st.integers(1, 20_000),
        st.integers(0, 10**6).map(str),
    ),
    max_size=4,
    unique_by=lambda exclusion: exclusion.id,
)


def apart(found: Evaluation) -> tuple[int, int, int, int]:
    """The sums of what becomes of downtime."""
    return found.counted_s, found.excluded_s, found.stopped_s, found.unconfirmed_s


@settings(deadline=None)
@given(outages=OUTAGES, exclusions=EXCLUSIONS)
def test_each_second_of_downtime_has_one_verdict(outages: list[Outage], exclusions: list[Exclusion]) -> None:
    """Counted, excluded, stopped and unconfirmed add up to the time in which any outage lasted, none of it twice."""
    plan = plan_of(ONE_NINE.bands, degraded_counts=True)
    begun = [union([Span(max(o.started_at, START), o.ended_at)]) for o in outages if o.state is not ServiceState.REDUNDANCY_LOST]
    whole = length(union(span for spans in begun for span in spans)) // SECOND
    assert sum(apart(held(plan, *outages, windows=WINDOW, exclusions=exclusions))) == whole


@settings(deadline=None)
@given(outages=OUTAGES, exclusions=EXCLUSIONS, shuffle=st.randoms(use_true_random=False))
def test_order_of_exclusions_does_not_matter_and_they_never_cost_more(
    outages: list[Outage], exclusions: list[Exclusion], shuffle: object
) -> None:
    """What is excused lowers a credit or leaves it, and whoever wrote first has no advantage."""
    mixed = list(exclusions)
    shuffle.shuffle(mixed)  # type: ignore[attr-defined]  # a Random of hypothesis
    plan = plan_of(LUMEN.bands, LUMEN.rating)
    found = held(plan, *outages, exclusions=exclusions)
    assert held(plan, *outages, exclusions=mixed) == found
    assert found.credit_minor <= held(plan, *outages).credit_minor


def test_a_stopped_clock_joins_what_an_exclusion_parts() -> None:
    """Ten minutes, an hour's wait for entry, ten minutes: one outage of twenty. Cut out as force majeure, it is two, each too short."""
    plan = plan_of(ONE_NINE.bands, minimum_outage_s=900)
    wait = Exclusion("e", ExclusionKind.NO_ACCESS, START + 10 * MINUTE, START + 70 * MINUTE, "s1", text="locked")
    assert apart(held(plan, down(4800), exclusions=[wait])) == (1200, 0, 3600, 0)
    assert apart(held(plan, down(4800), exclusions=[replace(wait, kind=ExclusionKind.FORCE_MAJEURE)])) == (0, 3600, 0, 0)


def test_an_exclusion_of_another_service_or_incident_says_nothing() -> None:
    mine = Exclusion("e", ExclusionKind.BLIND, START, START + HOUR, "s1")
    for other in (replace(mine, service="s2"), replace(mine, service="", incident="i2"), replace(mine, service="")):
        assert held(ONE_NINE, down(600), exclusions=[other]).counted_s == 600
    assert held(ONE_NINE, down(600), exclusions=[replace(mine, service="", incident="i1")]).counted_s == 0


LATE_ANSWER = Objective(ObjectiveMetric.MEAN_RESPONSE_TIME, 5, bands(("1", None, "1")))


@pytest.mark.parametrize(
    ("parameters", "path", "says"),
    [
        ({"stops_clock": (ExclusionKind.PLANNED,)}, "$.stops_clock", "planned is cut out already"),
        ({"holidays": ("25.12.2026",)}, "$.holidays[0]", "is no date"),
        ({"currency": "EURO"}, "$.currency", "'EURO' is no currency"),
        ({"rating": Rating.CALENDAR_DAYS, "target": "100"}, "$.day_amount_minor", "a day has no worth"),
        ({"rating": Rating.PRO_RATA}, "$.bands", "has no bands"),
        ({"unit_s": 0}, "$.unit_s", "0 is nothing"),
        ({"chronic": Chronic(0)}, "$.chronic", "no outage at all"),
        ({"valid_from": 2, "valid_until": 1}, "$.valid_until", "ends before it begins"),
        ({"target": "50"}, "$.bands[1].credit_percent", "though the target of 50 % is met"),
        (
            {"objectives": (Objective(ObjectiveMetric.MEAN_RESPONSE_TIME, 5, bands(("1", None, "1"))),)},
            "$.objectives[0].bands[0].lower",
            "gap",
        ),
    ],
)
def test_a_parameter_that_cannot_be_is_refused_at_its_place(parameters: dict[str, object], path: str, says: str) -> None:
    steps = bands(("0", "40", "50"), ("40", "99.9", "10"), ("99.9", None, "0"))
    steps = bands(("0", "50", "50"), ("50", "99.99", "10"), ("99.99", None, "0")) if parameters.get("target") == "50" else steps
    found = validate(plan_of(steps, **parameters))  # type: ignore[arg-type]  # keyword pass-through of a test
    assert any(finding.path == path and says in finding.message and finding.remedy for finding in found)


@pytest.mark.parametrize(
    ("second", "says"),
    [((5, 0), "stands twice at one time"), ((20, 0), "gap: between versions a and b none holds"), ((10, 0), "")],
)
def test_versions_of_a_plan_follow_each_other(second: tuple[int, int], says: str) -> None:
    first = replace(LUMEN, version="a", valid_until=10)
    told = [finding.message for _, finding in versions_findings((replace(LUMEN, version="b", valid_from=second[0]), first))]
    assert [says in message for message in told] == ([True] if says else [])
