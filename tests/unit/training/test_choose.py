"""The way of training is the fastest of those that are possible, measured once per machine."""

import pytest

from smallbatch.training.engines import choose
from smallbatch.training.engines.choose import choose_engine, fastest, measured, widths


@pytest.fixture
def speeds(monkeypatch, tmp_path):
    """Images per second by option, in place of the timings; counts how often they are asked for."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    given = {"asked": 0}

    def measured(options, data, fleet):
        given["asked"] += 1
        return {option: given[option] for option in options}

    monkeypatch.setattr(choose, "measured", measured)
    return given


OPTIONS = [("groups", 128), ("groups", 16), ("separate", 1)]


@pytest.mark.parametrize(
    ("images_per_second", "best"),
    [
        ((100, 90, 80), 0),
        ((100, 102, 80), 0),
        ((100, 104, 80), 1),
        ((100, 104, 106), 1),
        ((10, 20, 30), 2),
    ],
)
def test_the_first_way_that_none_beats_by_more_than_noise_is_taken(
    digits32, make_fleet, speeds, images_per_second, best
):
    speeds |= dict(zip(OPTIONS, images_per_second, strict=True))
    assert fastest(OPTIONS, digits32, make_fleet()) == OPTIONS[best]


def test_it_is_measured_once_per_setting(digits32, make_fleet, speeds):
    speeds |= dict(zip(OPTIONS, (1, 3, 2), strict=True))
    assert (
        fastest(OPTIONS, digits32, make_fleet())
        == fastest(OPTIONS, digits32, make_fleet())
        == ("groups", 16)
    )
    assert speeds["asked"] == 1
    fastest(OPTIONS, digits32, make_fleet(batch_size=4))
    assert speeds["asked"] == 2


def test_a_slower_way_is_named(digits32, make_fleet, speeds):
    speeds |= {
        ("compiled", choose.WIDEST["cpu"]): 10,
        ("separate", 1): 20,
        ("separate channels_last", 1): 20,
    }
    said = []
    assert choose_engine(digits32, make_fleet(), said.append) == ("separate", 1)
    assert said == ["replicas train one by one: the compiled step is slower here"]


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "{}", '{"engine": "groups", "width": -3}', '{"engine": "magic", "width": 1}'],
)
def test_what_was_remembered_and_is_damaged_is_measured_again(
    digits32, make_fleet, speeds, tmp_path, text
):
    speeds |= dict(zip(OPTIONS, (1, 3, 2), strict=True))
    fastest(OPTIONS, digits32, make_fleet())
    (kept,) = tmp_path.glob("smallbatch/engines/*.json")
    kept.write_text(text)
    for _ in range(2):
        assert fastest(OPTIONS, digits32, make_fleet()) == ("groups", 16) and speeds["asked"] == 2


def test_jobs_that_time_it_at_once_go_the_way_of_the_first(
    digits32, make_fleet, speeds, monkeypatch
):
    speeds |= dict(zip(OPTIONS, (1, 3, 2), strict=True))
    alone = choose.measured

    def overtaken(*arguments):
        if speeds["asked"] == 0:
            found = alone(*arguments)
            speeds.update(dict(zip(OPTIONS, (9, 3, 2), strict=True)))
            assert fastest(OPTIONS, digits32, make_fleet()) == OPTIONS[0]  # another job, meanwhile
            return found
        return alone(*arguments)

    monkeypatch.setattr(choose, "measured", overtaken)
    assert fastest(OPTIONS, digits32, make_fleet()) == OPTIONS[0] and speeds["asked"] == 2


def test_every_way_can_be_timed(digits32, make_fleet):
    options = [
        ("compiled", 128),
        ("groups", 4),
        ("vmap", 4),
        ("separate", 1),
        ("separate channels_last", 1),
    ]
    assert all(speed > 0 for speed in measured(options, digits32, make_fleet()).values())


def test_widths_hold_images_that_fit_the_cache():
    assert widths("separate", 8, 128) == [1] and widths("compiled", 8, 128) == [128]
    assert widths("groups", 2, 128) == [128, 16] and widths("groups", 256, 128) == [8, 2]
    assert widths("vmap", 2048, 128) == [2] and widths("vmap", 2, 256, "cuda") == [256, 32]
