"""What all tests need."""

import signal

import pytest

SECONDS = 1800  # for a test, kernels that are compiled on a busy machine included; campaigns take longer


@pytest.fixture(autouse=True, scope="session")
def ctrl_c():
    """Let Ctrl-C interrupt, although whoever started the tests (a shell's ``&``, nohup) may have switched it off."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def ends(request):
    """A test that waits for ever fails in the end, so that the others run."""
    if not hasattr(signal, "SIGALRM") or request.node.get_closest_marker("campaign"):
        yield
        return

    def stop(*arguments):
        pytest.fail(f"not at its end after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
