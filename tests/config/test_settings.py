"""Which processes an installation has, what each is called and where it serves."""

from pathlib import Path

import pytest

from pipeline.config.settings import COMPONENTS, MAX_POLL_PROCESSES, MAX_TRAP_PROCESSES, PollSettings, Settings, TrapSettings

ONE = Settings(Path("d"), Path("i"))
THREE = Settings(Path("d"), Path("i"), traps=TrapSettings(processes=3))


def test_one_receiver_is_what_it_always_was() -> None:
    assert ONE.processes == COMPONENTS
    assert ONE.trap_collectors == {"traps": "trap-1"}
    assert ONE.of_process("traps") == ONE


def test_further_receivers_have_names_collectors_and_ports_of_their_own() -> None:
    assert THREE.processes == ("traps", "traps-2", "traps-3", *COMPONENTS[1:])
    assert THREE.trap_collectors == {"traps": "trap-1", "traps-2": "trap-1.2", "traps-3": "trap-1.3"}
    assert [THREE.metrics_port_of(name) for name in ("traps", "polls", "traps-2", "traps-3")] == [18700, 18701, 18710, 18711]


def test_a_further_receiver_sees_settings_by_which_the_first_ones_code_is_right() -> None:
    own = THREE.of_process("traps-3")
    assert own.traps.collector == "trap-1.3"
    assert own.metrics_port + COMPONENTS.index("traps") == THREE.metrics_port_of("traps-3")
    assert (own.traps.listen, own.traps.processes, own.polls) == (THREE.traps.listen, 3, PollSettings())


def test_no_two_processes_share_a_port() -> None:
    most = Settings(
        Path("d"), Path("i"), traps=TrapSettings(processes=MAX_TRAP_PROCESSES), polls=PollSettings(processes=MAX_POLL_PROCESSES)
    )
    ports = [most.metrics_port_of(name) for name in most.processes]
    assert len(set(ports)) == len(ports) == MAX_TRAP_PROCESSES + MAX_POLL_PROCESSES + len(COMPONENTS) - 2


def test_further_pollers_have_names_collectors_and_ports_of_their_own() -> None:
    two = Settings(Path("d"), Path("i"), polls=PollSettings(processes=2))
    assert two.processes == ("traps", "polls", "polls-2", *COMPONENTS[2:])
    assert two.poll_collectors == {"polls": "poll-1", "polls-2": "poll-1.2"}
    assert two.metrics_port_of("polls-2") == 18750
    own = two.of_process("polls-2")
    assert own.polls.collector == "poll-1.2"
    assert own.metrics_port + COMPONENTS.index("polls") == 18750
    assert (own.traps, two.of_process("polls")) == (two.traps, two)


def test_a_process_that_is_none_has_no_port() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        ONE.metrics_port_of("traps-2")
