"""Ticket links and the ticket book's rows."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from pipeline.core.obligation import BookTicket, Note, StatusChange, TicketLink
from pipeline.obligations import Obligations

NOW = 1_000_000_000_000


def a_ticket(external_id: str = "inc-1", **changes: object) -> BookTicket:
    steps = (StatusChange("acknowledged", "created", NOW),)
    ticket = BookTicket("", external_id, "acknowledged", {"severity": "Major", "x": [1, {"y": None}]}, NOW, NOW, changes=steps)
    return replace(ticket, **changes)


def test_an_incident_has_one_ticket_in_each_system_and_keeps_when_it_was_linked(store: Obligations) -> None:
    link = TicketLink("inc-1", "tmf621", "TT-000001", "acknowledged", '"1"', NOW, NOW)
    store.put_link(link)
    seen = replace(link, status="resolved", etag='"2"', linked_at=NOW + 9, updated_at=NOW + 9)
    store.put_link(seen)
    store.put_link(replace(link, system="other", linked_at=NOW + 1))
    assert store.ticket_of("inc-1", "tmf621") == replace(seen, linked_at=NOW)
    assert store.ticket_of("inc-1") == store.ticket_of("inc-1", "tmf621")
    assert store.ticket_of("inc-2") is None
    assert [found.system for found in store.tickets()] == ["other", "tmf621"]


def test_tickets_get_numbers_in_order_and_come_back_as_given(store: Obligations) -> None:
    first = store.book_create(a_ticket(notes=(Note("n1", "ann", "see", NOW),)))
    second = store.book_create(a_ticket("inc-2"))
    assert first is not None
    assert second is not None
    assert (first.number, second.number) == ("TT-000001", "TT-000002")
    assert first == replace(a_ticket(notes=(Note("n1", "ann", "see", NOW),)), number="TT-000001")
    assert store.book_ticket("TT-000001") == first


@pytest.mark.parametrize(
    "number", ["TT-000009", "1", "TT-1", "TT-0000001", "", "TT-", "TT-x", "TT-\u0660\u0660\u0660\u0660\u0660\u0661", "TT-" + "9" * 40]
)
def test_what_is_no_number_of_a_ticket_finds_none(store: Obligations, number: str) -> None:
    store.book_create(a_ticket())
    assert store.book_ticket(number) is None


def test_an_external_id_is_used_once_but_tickets_without_one_are_many(store: Obligations) -> None:
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: store.book_create(a_ticket()), range(6)))
    assert sum(ticket is not None for ticket in made) == 1
    assert store.book_create(a_ticket("")) is not None
    assert store.book_create(a_ticket("")) is not None


def test_of_two_changes_of_the_same_revision_one_is_kept(store: Obligations) -> None:
    ticket = store.book_create(a_ticket())
    assert ticket is not None
    changed = store.book_change(replace(ticket, status="inProgress"))
    assert changed is not None
    assert (changed.status, changed.revision) == ("inProgress", 2)
    assert store.book_change(replace(ticket, status="cancelled")) is None


def test_notes_are_only_added(store: Obligations) -> None:
    ticket = store.book_create(a_ticket(notes=(Note("n1", "ann", "first", NOW),)))
    assert ticket is not None
    changed = store.book_change(replace(ticket, notes=(Note("n1", "eve", "forged", NOW), Note("n2", "bob", "second", NOW + 1))))
    assert changed is not None
    assert [(note.author, note.text) for note in changed.notes] == [("ann", "first"), ("bob", "second")]


def test_tickets_are_found_by_external_id_and_status_a_page_at_a_time(store: Obligations) -> None:
    for number in range(5):
        store.book_create(a_ticket(f"inc-{number}", status="acknowledged" if number % 2 else "closed"))
    total, page = store.book_find(status="closed", offset=1, limit=1)
    assert (total, [ticket.external_id for ticket in page]) == (3, ["inc-2"])
    assert store.book_find(external_id="inc-3")[0] == 1
    assert store.book_find(external_id="nope") == (0, [])
