"""The wire types read what a Kafka client writes and write what it reads; nonsense is refused and nothing else."""

from io import BytesIO
from typing import Any

import pytest
from aiokafka.protocol import admin, commit, coordination, fetch, group, metadata, offset, produce, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.embedded.broker.messages import APIS
from pipeline.embedded.broker.protocol import BOOL, BYTES, INT8, INT16, INT32, INT64, TEXT, Array, MalformedError, Reader, Struct, Text

CLIENT = {
    0: (produce, "Produce"), 1: (fetch, "Fetch"), 2: (offset, "Offset"), 3: (metadata, "Metadata"),
    8: (commit, "OffsetCommit"), 9: (commit, "OffsetFetch"), 10: (coordination, "FindCoordinator"),
    11: (group, "JoinGroup"), 12: (group, "Heartbeat"), 13: (group, "LeaveGroup"), 14: (group, "SyncGroup"),
    15: (admin, "DescribeGroups"), 16: (admin, "ListGroups"), 18: (admin, "ApiVersion"), 19: (admin, "CreateTopics"),
    20: (admin, "DeleteTopics"), 22: (transaction, "InitProducerId"), 32: (admin, "DescribeConfigs"),
}  # fmt: skip
PAIRS = [
    (APIS[key], version, getattr(module, f"{name}Request_v{version}"))
    for key, (module, name) in CLIENT.items()
    for version in range(APIS[key].low, APIS[key].high + 1)
    if hasattr(module, f"{name}Request_v{version}")
]
NUMBERS = {id(BOOL): st.booleans(), id(INT8): st.integers(-128, 127), id(INT16): st.integers(-(2**15), 2**15 - 1),
           id(INT32): st.integers(-(2**31), 2**31 - 1), id(INT64): st.integers(-(2**63), 2**63 - 1)}  # fmt: skip


def value_of(kind: Any, version: int) -> st.SearchStrategy[Any]:
    """Values that a wire type can carry."""
    if isinstance(kind, Struct):
        return st.fixed_dictionaries({f.name: value_of(f.type, version) for f in kind.fields if f.since <= version <= f.until})
    if isinstance(kind, Array):
        return st.lists(value_of(kind.of, version), max_size=2)
    if isinstance(kind, Text):
        return st.text(max_size=5)
    return st.binary(max_size=5) if kind is BYTES else NUMBERS[id(kind)]


def positional(kind: Any, version: int, value: Any) -> Any:
    """The same value as the client library has it: tuples in field order."""
    if isinstance(kind, Struct):
        return tuple(positional(f.type, version, value[f.name]) for f in kind.fields if f.name in value)
    return [positional(kind.of, version, v) for v in value] if isinstance(kind, Array) else value


def listed(value: Any) -> Any:
    return [listed(v) for v in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize(("api", "version", "theirs"), PAIRS, ids=[f"{a.name}-{v}" for a, v, _ in PAIRS])
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_both_directions_agree_with_aiokafka(api: Any, version: int, theirs: Any, data: st.DataObject) -> None:
    request = data.draw(value_of(api.request, version))
    sent = theirs.SCHEMA.encode(positional(api.request, version, request))
    assert api.request.read(Reader(sent), version) == request
    response = data.draw(value_of(api.response, version))
    out: list[bytes] = []
    api.response.write(response, version, out)
    received = theirs.RESPONSE_TYPE.SCHEMA.decode(BytesIO(b"".join(out)))
    assert listed(received) == listed(positional(api.response, version, response))


def test_the_versions_reach_down_to_what_kafka_4_still_accepts() -> None:
    """KIP-896 removed the older ones; a client may know any from here on."""
    oldest = {0: 3, 1: 4, 2: 1, 3: 0, 8: 2, 9: 1, 10: 0, 11: 2, 12: 0, 13: 0, 14: 0, 15: 0, 16: 0, 18: 0, 19: 2, 20: 1, 22: 0, 32: 1}
    assert {key: api.low <= oldest[key] <= api.high for key, api in APIS.items()} == dict.fromkeys(APIS, True)


@pytest.mark.parametrize("api", APIS.values(), ids=lambda api: api.name)
@settings(max_examples=50, deadline=None)
@given(data=st.binary(max_size=60))
def test_any_bytes_are_a_request_or_malformed(api: Any, data: bytes) -> None:
    for version in range(api.low, api.high + 1):
        try:
            request = api.request.read(Reader(data), version)
        except MalformedError:
            continue
        assert isinstance(request, dict)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (TEXT, b"\x00\x05abc"),
        (TEXT, b"\x00\x01\xff"),
        (BYTES, b"\x7f\xff\xff\xff"),
        (Array(INT32), b"\x7f\xff\xff\xff"),
        (INT64, b"\x00"),
    ],
    ids=["text cut short", "text not UTF-8", "bytes beyond the frame", "an array beyond the frame", "half a number"],
)
def test_what_the_frame_cannot_hold_is_malformed(kind: Any, data: bytes) -> None:
    with pytest.raises(MalformedError):
        kind.read(Reader(data), 0)
