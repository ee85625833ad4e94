"""In a real browser: nothing runs off the page on a desk or a phone, everything can be read in light and dark, the keyboard gets about."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.browser import Browser, chromium
from tests.support.console import Client, Serve
from tests.support.fake_reading import HOSTILE, FakeReading, alarm, customer, evaluation, incident, outage, service, view

pytestmark = [pytest.mark.needs_chromium, pytest.mark.slow]

PAGES = [
    "/",
    "/alarms",
    "/outages",
    "/customers",
    "/customers/acme",
    "/customers/acme/view",
    "/topology",
    "/sla",
    "/incidents/in-1",
    "/explain/cr-1",
    "/explain/i",
    "/nowhere",
]
LONG = "interface/" + "a-very-long-name-without-a-break" * 6

TOO_WIDE = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) - window.innerWidth"
CUT_OFF = """[...document.querySelectorAll('main *')].filter(each => {
    const box = each.getBoundingClientRect();
    return box.width > 0 && getComputedStyle(each).clipPath === 'none' && !each.closest('thead') && box.right > window.innerWidth + 1;
}).map(each => each.outerHTML.slice(0, 80))"""
# WCAG 2.2, definitions of relative luminance and contrast ratio; the page's ground is the body's, or the nearest one painted over it.
FAINT = """(() => {
    const parts = text => text.match(/[\\d.]+/g).map(Number);
    const linear = value => value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
    const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    const ground = each => {
        for (; each; each = each.parentElement) {
            const colour = parts(getComputedStyle(each).backgroundColor);
            if (colour.length === 3 || colour[3] > 0) return colour;
        }
        return [255, 255, 255];
    };
    const faint = new Set();
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const each = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim()) continue;
        const [dark, light] = [luminance(parts(getComputedStyle(each).color)), luminance(ground(each))].sort((a, b) => a - b);
        const ratio = (light + 0.05) / (dark + 0.05);
        if (ratio < 4.5) faint.add(`${each.className || each.tagName}: ${ratio.toFixed(2)}`);
    }
    return [...faint];
})()"""


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    async with chromium(tmp_path) as opened:
        yield opened


@pytest.fixture
def crowded() -> FakeReading:
    """Many of everything, with names that have no place to break, and markup for names."""
    reading = FakeReading()
    severities = ("critical", "major", "minor", "warning", "indeterminate")
    reading.incidents_ = [
        *(
            incident(number, reason=f"{LONG} is cut", root_cause=LONG, severity=severities[number % 5], planned=LONG)
            for number in range(1, 30)
        ),
        *(incident(number, state="resolved", reason=HOSTILE, root_cause=HOSTILE) for number in range(30, 60)),
    ]
    reading.alarms_ = [alarm(number, resource=LONG, text=HOSTILE * 2, severity=severities[number % 5]) for number in range(30)]
    states = ("down", "degraded", "redundancy-lost")
    reading.outages_ = [
        outage(number, ended=number > 9, state=states[number % 3], root_cause=LONG, customer_name=HOSTILE, excluded=LONG)
        for number in range(20)
    ]
    reading.customers_ = [
        customer(services=[service(LONG, state, root_cause=LONG, description=HOSTILE) for state in (*states, "up")]),
        *(customer(f"well-{number}", "up", display_name=LONG) for number in range(5)),
    ]
    reading.view_ = view(
        customer=LONG,
        services=[{**view()["services"][0], "name": f"{LONG}{number}", "description": HOSTILE} for number in range(5)],
        outages=[{**view()["outages"][0], "service": f"{LONG}{number}", "excluded": "planned", "why": LONG} for number in range(9)],
    )
    reading.evaluations_ = [evaluation(number, customer_name=LONG, plan=LONG, service=LONG) for number in range(5)]
    return reading


def url(client: Client, path: str) -> str:
    return str(client.make_url(path))


@pytest.mark.parametrize("width", [1280, 390])
async def test_nothing_runs_off_the_page(serve: Serve, crowded: FakeReading, browser: Browser, width: int) -> None:
    """At a desk and on a phone, with names of 200 characters: no sideways scrolling, nothing cut off; and the page is not blank."""
    client = await serve(crowded)
    for path in PAGES:
        await browser.open(url(client, path), width=width, height=844)
        assert await browser.evaluate(TOO_WIDE) <= 0, path
        assert await browser.evaluate(CUT_OFF) == [], path
        blank = await browser.evaluate("document.querySelector('main').innerText.length < 20")
        assert not blank, path
        assert len(await browser.screenshot()) > 5_000, path


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_everything_can_be_read(serve: Serve, crowded: FakeReading, browser: Browser, dark: bool) -> None:
    """Text has a contrast of at least 4.5 to 1 in both schemes (WCAG 2.2, 1.4.3)."""
    client = await serve(crowded)
    for path in PAGES:
        await browser.open(url(client, path), width=1280, height=900, dark=dark)
        assert await browser.evaluate(FAINT) == [], path
        ground = await browser.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") != dark


async def test_hostile_text_runs_nothing(serve: Serve, crowded: FakeReading, browser: Browser) -> None:
    """No script is in the page, and the browser has nothing to refuse or complain of."""
    client = await serve(crowded)
    for path in PAGES[:-1]:
        await browser.open(url(client, path), width=1280, height=900)
        assert await browser.evaluate("document.scripts.length + document.images.length") == 0
        assert [each for each in browser.complaints if "300" not in each] == [], path


async def test_the_keyboard_gets_past_the_navigation(serve: Serve, crowded: FakeReading, browser: Browser) -> None:
    """The first stop is a way to the content, which shows itself; then the pages, in order; each stop can be seen."""
    client = await serve(crowded)
    await browser.open(url(client, "/"), width=1280, height=900)
    await browser.press_tab()
    assert await browser.evaluate("document.activeElement.textContent") == "To the content"
    assert await browser.evaluate("document.activeElement.getBoundingClientRect().left >= 0")
    stops = []
    for _ in range(7):
        await browser.press_tab()
        stops.append(await browser.evaluate("document.activeElement.textContent"))
        assert await browser.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 2")
    assert stops == ["Incidents", "Alarms", "Outages", "Planned work", "Customers", "Topology", "SLA and credits"]
