import pytest

from yobu.fleet.states import MOVES, Event, State, move


def test_nothing_leads_out_of_death() -> None:
    assert not [state for state, _ in MOVES if state is State.DEAD]


def test_every_living_state_can_end() -> None:
    assert {state for state, event in MOVES if event is Event.END} == set(State) - {State.DEAD}


def test_only_an_idle_environment_takes_an_event() -> None:
    assert [state for state, event in MOVES if event is Event.INVOKE] == [State.IDLE]


def test_a_whole_life() -> None:
    state = State.STARTING
    for event in (Event.READY, Event.INVOKE, Event.ANSWER, Event.INVOKE, Event.END):
        state = move(state, event)
    assert state is State.DEAD


def test_what_cannot_happen_says_so() -> None:
    with pytest.raises(ValueError, match="that is busy cannot take 'invoke'"):
        move(State.BUSY, Event.INVOKE)
