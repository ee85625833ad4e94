"""The quick look that every datagram gets is never wrong about an INFORM, however its frame is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.trap.ber import DecodeError
from collectors.trap.decode import INFORM, TrapDecoder
from collectors.trap.inform import may_be_inform, response
from tests.support.datagrams import link_down, v2_trap

DECODER = TrapDecoder("trap-1")


@pytest.mark.parametrize("community", [b"", b"public", b"x" * 127, b"x" * 128, b"x" * 300])
@pytest.mark.parametrize("inform", [True, False])
def test_an_inform_is_known_by_its_tag_behind_any_community(community: bytes, inform: bool) -> None:
    payload = v2_trap(community=community, inform=inform)
    assert may_be_inform(payload) or not inform
    assert (response(payload, DECODER) is not None) == inform


def test_other_bytes_of_the_same_value_are_not_taken_for_the_tag() -> None:
    """A length of 166 bytes, a time, an index."""
    assert not any(may_be_inform(link_down(index, uptime=0xA6A6A6)) for index in range(300))


@given(st.data())
def test_whatever_is_damaged_an_inform_that_still_is_one_is_answered(data: st.DataObject) -> None:
    payload = bytearray(v2_trap(community=b"public", inform=True))
    for _ in range(data.draw(st.integers(0, 3))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(payload[: data.draw(st.integers(0, len(payload)))])
    try:
        is_inform = DECODER.admit(damaged).header.pdu == INFORM
    except DecodeError:
        return
    assert may_be_inform(damaged) or not is_inform
