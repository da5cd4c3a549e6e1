"""The frames on a slow link: in their order, later, and held back until they are let go."""

from random import Random

from services.lab.network.link_weather import FRAMES_MAX, NEVER, FramesUnderWay, LinkWeather

BROKER, CFM = b"broker", b"cfm-01"


def under_way(delay_s: float = 0.0, loss: float = 0.0) -> FramesUnderWay:
    return FramesUnderWay(LinkWeather(delay_s, loss), Random(1))


def test_a_frame_comes_out_after_its_time() -> None:
    frames = under_way(0.5)
    frames.take(b"first", CFM, 1.0)
    frames.take(b"second", CFM, 1.2)
    assert frames.due_at() == 1.5
    assert frames.come_out(1.4) == []
    assert frames.come_out(1.5) == [b"first"]
    assert frames.come_out(2.0) == [b"second"]
    assert frames.due_at() == NEVER


def test_what_is_held_back_waits_and_the_rest_goes_on() -> None:
    frames = under_way()
    frames.hold([BROKER])
    for number, to in enumerate((BROKER, CFM, BROKER)):
        frames.take(b"%d" % number, to, 1.0)
    assert frames.come_out(9.0) == [b"1"]
    assert frames.due_at() == NEVER
    frames.hold(())
    assert frames.come_out(9.0) == [b"0", b"2"]
    frames.take(b"3", BROKER, 9.0)
    assert frames.come_out(9.0) == [b"3"]


def test_a_part_is_lost_by_the_seed() -> None:
    seen = []
    for _ in range(2):
        frames = under_way(loss=0.3)
        for number in range(1000):
            frames.take(b"%d" % number, CFM, 0.0)
        seen.append(frames.come_out(0.0))
        assert len(seen[-1]) == 1000 - frames.lost
        assert 200 < frames.lost < 400
    assert seen[0] == seen[1]


def test_there_is_room_for_so_many_frames() -> None:
    frames = under_way(1.0)
    for _ in range(FRAMES_MAX + 3):
        frames.take(b"", CFM, 0.0)
    assert frames.lost == 3
    assert len(frames.come_out(1.0)) == FRAMES_MAX
