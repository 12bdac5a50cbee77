import pytest

from yobu.base.clock import FakeClock
from yobu.fleet.journal import LINE_LIMIT_BYTES, Journal
from yobu.fleet.port import LogStream

STREAM = LogStream("1", "r", "g", "s")


class Sink:
    def __init__(self) -> None:
        self.bursts: list[list[str]] = []
        self.times: list[int] = []

    def append(self, stream: LogStream, at_ms: int, lines: list[str]) -> None:
        assert stream == STREAM
        self.bursts.append(lines)
        self.times.append(at_ms)


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1000.0)


@pytest.fixture
def journal(sink: Sink, clock: FakeClock) -> Journal:
    return Journal(sink, STREAM, clock)


def test_lines_go_out_in_one_burst_and_in_order(journal: Journal, sink: Sink) -> None:
    journal.say("START")
    journal.write(b"one\ntw")
    journal.write(b"o\n\nthree")
    journal.break_line()
    journal.say("END")
    journal.flush()
    assert sink.bursts == [["START", "one", "two", "", "three", "END"]]
    assert sink.times == [1_000_000]


def test_a_line_keeps_the_time_at_which_it_came(journal: Journal, sink: Sink, clock: FakeClock) -> None:
    journal.say("START")
    clock.advance(0.15)
    journal.write(b"one\ntwo\n")
    clock.advance(0.05)
    journal.flush()
    assert sink.bursts == [["START"], ["one", "two"]]
    assert sink.times == [1_000_000, 1_000_150]


def test_nothing_to_say_is_not_said(journal: Journal, sink: Sink) -> None:
    journal.write(b"half a line")
    journal.flush()
    assert sink.bursts == []


def test_a_record_keeps_its_own_line_breaks(journal: Journal, sink: Sink) -> None:
    journal.write(b"before\nfirst\0\nsecond\0\n")
    journal.write(b"third\nafter\n")
    journal.flush()
    assert sink.bursts == [["before", "first\nsecond\nthird", "after"]]


def test_bytes_that_are_no_text_are_shown_as_such(journal: Journal, sink: Sink) -> None:
    journal.write(b"caf\xc3\xa9 \xff\n")
    journal.flush()
    assert sink.bursts == [["café \ufffd"]]


def test_a_line_is_cut_where_a_log_event_must_end(journal: Journal, sink: Sink) -> None:
    journal.write(b"x" * (2 * LINE_LIMIT_BYTES + 5) + b"\nshort\n")
    journal.flush()
    assert [len(line) for line in sink.bursts[0]] == [LINE_LIMIT_BYTES, LINE_LIMIT_BYTES, 5, 5]


def test_a_line_without_end_does_not_fill_the_memory(journal: Journal, sink: Sink) -> None:
    for _ in range(100):
        journal.write(b"x" * 65536)
    journal.flush()
    assert sum(len(line) for burst in sink.bursts for line in burst) > 98 * 65536


def test_many_lines_go_out_before_they_are_asked_for(journal: Journal, sink: Sink) -> None:
    journal.write(b"line\n" * 5000)
    assert len(sink.bursts[0]) == 5000


def test_what_was_begun_can_be_taken_back(journal: Journal, sink: Sink) -> None:
    journal.write(b"before\n")
    journal.begin()
    journal.say("START")
    journal.take_back()
    journal.flush()
    assert sink.bursts == [["before"]]


def test_what_was_handed_on_stays(journal: Journal, sink: Sink) -> None:
    journal.begin()
    journal.say("START")
    journal.flush()
    journal.take_back()
    journal.say("END")
    journal.flush()
    assert sink.bursts == [["START"], ["END"]]


def test_the_tail_is_the_last_4_kb_since_the_beginning(journal: Journal) -> None:
    journal.write(b"of the last event\n")
    journal.begin()
    journal.say("START")
    journal.write(b"hello\n")
    assert journal.tail() == b"START\nhello\n"
    journal.write(b"0123456789\n" * 500_000)
    journal.say("END")
    tail = journal.tail()
    assert len(tail) == 4096
    assert tail.endswith(b"\n0123456789\nEND\n")
