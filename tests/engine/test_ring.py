import threading
import time
import traceback

import numpy as np
import pytest
import torch

from kgr.engine import ring as ring_module
from kgr.engine.ring import Ring, Slot

CPU = torch.device("cpu")
LAYOUT = {"ids": (np.int64, (8,)), "mask": (bool, (2, 3)), "count": (np.int64, ())}


def fill(fields, step):
    fields["ids"][:] = np.arange(8) + step
    fields["mask"][:] = step % 2
    fields["count"][()] = step


def make(fill=fill, slots=4, threads=3, first=1, last=50):
    return Ring(LAYOUT, fill, slots=slots, threads=threads, device=CPU, first=first, last=last)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize(("slots", "threads"), [(1, 1), (1, 3), (4, 1), (3, 4), (9, 2)])
def test_batches_come_in_step_order_whatever_the_slots_and_threads(slots, threads):
    def uneven(fields, step):
        time.sleep(0.004 if step % 5 == 0 else 0)
        fill(fields, step)

    steps = []
    with make(uneven, slots, threads, first=3, last=40) as ring:
        for slot in ring:
            assert int(slot.host["count"]) == slot.step == int(slot.tensors["count"])
            assert slot.tensors["ids"].tolist() == list(range(slot.step, slot.step + 8))
            assert slot.tensors["mask"].dtype == torch.bool
            steps.append(slot.step)
    assert steps == list(range(3, 41))


def test_the_next_batch_is_looked_at_without_being_taken():
    def failing(fields, step):
        if step == 4:
            raise OfItsOwnError
        fill(fields, step)

    with pytest.raises(OfItsOwnError), make(failing, slots=2, threads=1) as ring:
        assert next(ring).step == 1
        for step in (2, 3):
            while (ahead := ring.ahead()) is None:
                time.sleep(0.001)
            assert ahead.step == step == int(ahead.host["count"])
            assert next(ring) is ahead
        time.sleep(0.01)
        assert ring.ahead() is None
        next(ring)


def test_a_slot_is_not_filled_while_it_is_used():
    with make(slots=2, threads=2) as ring:
        for slot in ring:
            time.sleep(0.0005)
            assert int(slot.host["count"]) == slot.step


def test_tensors_share_memory_with_the_host_on_the_cpu():
    slot = Slot(LAYOUT, CPU)
    slot.host["ids"][0] = 7
    assert slot.tensors["ids"][0] == 7


def test_no_steps_at_all():
    with make(first=1, last=0) as ring:
        assert list(ring) == []


class OfItsOwnError(Exception):
    pass


@pytest.mark.parametrize("threads", [1, 4])
def test_a_producers_error_is_raised_with_type_and_traceback_when_its_step_is_due(threads):
    def deep_inside(step):
        raise OfItsOwnError(f"at {step}")

    def failing(fields, step):
        if step >= 11:
            deep_inside(step)
        fill(fields, step)

    seen = []
    with pytest.raises(OfItsOwnError, match="at 11") as caught, make(failing, threads=threads) as ring:
        seen.extend(slot.step for slot in ring)
    assert any(frame.name == "deep_inside" for frame in traceback.extract_tb(caught.value.__traceback__))


def test_steps_before_an_error_come_out():
    def failing(fields, step):
        if step == 4:
            raise OfItsOwnError
        fill(fields, step)

    seen = []
    with pytest.raises(OfItsOwnError), make(failing, slots=8, threads=4) as ring:
        for slot in ring:
            time.sleep(0.002)
            seen.append(slot.step)
    assert seen == [1, 2, 3]


def test_there_is_nothing_after_an_error():
    def failing(fields, step):
        raise OfItsOwnError

    with make(failing, threads=1) as ring:
        with pytest.raises(OfItsOwnError):
            next(ring)
        assert list(ring) == []


def test_leaving_waits_for_a_fill_under_way():
    begun, ended = threading.Event(), threading.Event()

    def slow(fields, step):
        begun.set()
        time.sleep(0.2)
        ended.set()

    with make(slow, threads=1):
        begun.wait(10)
    assert ended.is_set()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_threads_end_when_the_consumer_fails(error):
    with pytest.raises(error), make() as ring:
        for slot in ring:
            if slot.step == 5:
                raise error


def test_threads_end_when_a_generator_over_the_ring_is_closed():
    def batches():
        with make() as ring:
            for slot in ring:
                yield slot.step

    generator = batches()
    assert next(generator) == 1
    generator.close()


def test_threads_end_when_nothing_is_taken_and_when_the_block_breaks():
    with make():
        pass
    with make() as ring:
        for _ in ring:
            break


def test_threads_end_when_one_cannot_be_started(monkeypatch):
    ring = make(threads=3)

    def refuse():
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(ring._threads[2], "start", refuse)
    with pytest.raises(RuntimeError, match="start new"), ring:
        pass


def test_stop_from_elsewhere_ends_the_wait_for_a_batch():
    going = threading.Event()

    def waiting(fields, step):
        going.wait(10)

    with make(waiting, slots=2, threads=2) as ring:
        timer = threading.Timer(0.05, lambda: (ring.stop(), going.set()))
        timer.start()
        assert list(ring) == []
        timer.join()


def test_stop_while_holding_the_lock_as_a_signal_handler_does():
    with make() as ring:
        next(ring)
        with ring._filled:
            ring.stop()
        assert list(ring) == []


class FakeEvent:
    def __init__(self, calls, name):
        self.calls, self.name = calls, name

    def record(self, stream):
        self.calls.append(f"{self.name} recorded on {stream}")

    def synchronize(self):
        self.calls.append(f"host waits for {self.name}")


class FakeStream:
    def __init__(self, calls, name):
        self.calls, self.name = calls, name

    def wait_event(self, event):
        self.calls.append(f"{self} waits for {event.name}")

    def __str__(self):
        return self.name

    def __enter__(self):
        self.calls.append(f"enter {self}")

    def __exit__(self, *_):
        self.calls.append(f"leave {self}")


def test_order_of_events_on_a_gpu(monkeypatch):
    """The copy waits for the slot's last use, the trainer's stream for the copy, the host for nothing in a step."""
    calls = []
    names = iter(("copied", "used"))
    compute, side = FakeStream(calls, "compute"), FakeStream(calls, "side")
    monkeypatch.setattr(torch.cuda, "Event", lambda blocking: FakeEvent(calls, next(names)))
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: compute)
    monkeypatch.setattr(ring_module, "_memory", lambda dtype, shape, pinned: torch.zeros(shape))
    slot = Slot({"a": (np.float32, (2,))}, CPU, side)
    assert slot.tensors["a"].data_ptr() != slot.host["a"].ctypes.data

    def fill(fields, step):
        calls.append("fill")
        fields["a"][:] = step

    slot.fill(fill, 5)
    slot.arrive()
    assert slot.tensors["a"].tolist() == [5, 5]
    slot.leave()
    assert calls == [
        "used recorded on compute",
        "host waits for used",
        "fill",
        "enter side",
        "leave side",
        "copied recorded on side",
        "compute waits for copied",
        "used recorded on compute",
    ]
