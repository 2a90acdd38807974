"""The search for garbage: put off, and left to what is new."""

from __future__ import annotations

import gc

import pytest

from hpo.machine.collecting import left_alone, uncollected


def test_it_is_put_off_and_goes_on_after_an_error() -> None:
    def fail() -> None:
        with uncollected():
            assert not gc.isenabled()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert gc.isenabled()


def test_where_it_was_off_it_stays_off() -> None:
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_is_there_is_left_alone_until_the_end() -> None:
    with left_alone():
        assert gc.get_freeze_count() > 0
    assert gc.get_freeze_count() == 0
