"""Alarms replayed for each second of CPU: a journal of fibres cut and mended all the time, through two sets of rules side by side.

Beside it polls for each second of CPU, how much faster than it was an ordinary past is replayed, and what a day costs in which nothing
happens: its ticks are left out.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from collectors.journal import Entry
from pipeline.backtest.past import Stretch
from pipeline.backtest.trying import Answer, Question, ask
from pipeline.config.settings import Settings
from pipeline.config.settings_file import load_settings
from tests.bench.bar import Bar, middle
from tests.support.backtest import BEGIN, LASTS, SECOND, datagrams, installation, journal, polls
from tests.support.fibre_cut import about_fibre

DAY = 86_400 * SECOND
IDLE_DAYS = 100
CYCLE = 600 * SECOND
"""Longer than the flapping window, so that each cut is an incident of its own."""
FIBRES = ("f-ams-rtm-1", "f-ams-lon-1")


def bench(arguments: Sequence[str]) -> Iterable[Bar]:
    """One bar: alarms raised and cleared for a CPU second, the median of ``--runs``."""
    parser = argparse.ArgumentParser(prog="replay-rate")
    parser.add_argument("--alarms", type=int, default=8_000)
    parser.add_argument("--hours", type=int, default=3)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(installation(Path(folder)))
        alarms = middle([_alarms(settings, options.alarms) for _ in range(options.runs)])
        ordinary = [_ordinary(settings, options.hours) for _ in range(options.runs)]
    polled, times, idle = (middle(each) for each in zip(*ordinary, strict=True))
    yield Bar("replay-rate", alarms, "alarms/CPU-s", {"polls-here": polled, "times-real-time-here": times, "idle-day-cpu-s-here": idle})


def _alarms(settings: Settings, wanted: int) -> float:
    """Changes of alarms a CPU second, of both replays together."""
    cycles = -(-wanted // len(list(_cut_and_mended(0))))
    _write(settings, (entry for cycle in range(cycles) for entry in _cut_and_mended(BEGIN + cycle * CYCLE)), ())
    answer, took_s = _ask(settings, BEGIN, BEGIN + cycles * CYCLE)
    return 2 * answer.account.notifications / took_s


def _cut_and_mended(begin: int) -> Iterator[Entry]:
    for after, up in ((0, False), (CYCLE // 2, True)):
        for place, sent in enumerate(sent for fibre in FIBRES for sent in about_fibre(fibre, up=up)):
            yield begin + after + place * SECOND // 1000, sent.device.address, sent.payload


def _ordinary(settings: Settings, hours: int) -> tuple[float, float, float]:
    """Polls a CPU second of both replays together, how much faster than it was that is, CPU seconds of a day without anything."""
    turns = hours * 3_600 * SECOND // LASTS
    _write(settings, _again(datagrams, turns), _again(polls, turns))
    ends_at = BEGIN + turns * LASTS
    answer, took_s = _ask(settings, BEGIN, ends_at)
    _, short_s = _ask(settings, ends_at, ends_at + SECOND)
    _, long_s = _ask(settings, ends_at, ends_at + IDLE_DAYS * DAY)
    return 2 * answer.account.polls / took_s, hours * 3_600 / took_s, max(long_s - short_s, 0) / IDLE_DAYS


def _ask(settings: Settings, starts_at: int, ends_at: int) -> tuple[Answer, float]:
    """The answer, and the CPU seconds that it took, reading rules and inventory included."""
    question = Question(Stretch(starts_at, ends_at), starts_at - LASTS, settings.rules_dir)
    before = time.process_time()
    answer = ask(settings, question)
    took_s = time.process_time() - before
    assert answer.difference.is_empty
    return answer, took_s


def _again(entries: Callable[[int], Iterable[Entry]], turns: int) -> Iterator[Entry]:
    """The same half hour again and again; devices' counters begin anew each time."""
    for turn in range(turns):
        yield from sorted(entries(BEGIN + turn * LASTS))


def _write(settings: Settings, notifications: Iterable[Entry], polled: Iterable[Entry]) -> None:
    for collector, entries in (("trap-1", notifications), ("poll-1", polled)):
        shutil.rmtree(settings.journal_dir(collector), ignore_errors=True)
        journal(settings.journal_dir(collector), entries)
