"""Processes that take turns: each engine lives in one of its own, and a round asks one after the other.

A worker that is not asked is stopped, so that no thread of it that still spins slows the one whose turn it is. Where
the system cannot stop a process (Windows), a run says so.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator

from engines import Unavailable, use_cores

HERE = Path(__file__).resolve().parent
CAN_STOP = hasattr(signal, "SIGSTOP")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


class Worker:
    """A process that answers questions: ``python SCRIPT --worker TASK``, where the task is a JSON object.

    Parameters
    ----------
    script : str
        File name of the benchmark; given ``--worker``, it calls ``serve``.
    name : str
        Of the engine, for messages.
    threads : int
        That it may use.
    environment : dict of str to str
        Variables to set for it.
    **task
        Arguments for the script.
    """

    def __init__(
        self, script: str, name: str, threads: int, environment: dict[str, str] | None = None, **task: Any
    ) -> None:
        self.name = name
        self.errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / script), "--worker", json.dumps({"engine": name, "threads": threads, **task})],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, encoding="utf-8", bufsize=1,
            env={**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads)), **(environment or {})},
        )

    def ask(self, question: str, *arguments: Any) -> Any:
        """Return the worker's answer, and stop it until it is asked again.

        Raises
        ------
        Unavailable
            The engine cannot run here.
        RuntimeError
            The worker died; the message ends with its last words.
        """
        self._signal("SIGCONT")
        with contextlib.suppress(OSError):  # it died: a broken pipe, by another name on Windows
            self.process.stdin.write(json.dumps([question, *arguments]) + "\n")
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            self.errors.seek(0)
            raise RuntimeError(f"{self.name}: the worker died (exit code {code}).\n{self.errors.read()[-2000:]}")
        self._signal("SIGSTOP")
        answer = json.loads(line)
        if "unavailable" in answer:
            raise Unavailable(answer["unavailable"])
        return answer["answer"]

    def _signal(self, name: str) -> None:
        if CAN_STOP:
            self.process.send_signal(getattr(signal, name))

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdout, self.errors):
            stream.close()
        with contextlib.suppress(OSError):
            self.process.stdin.close()


def serve(threads: int, prepare: Callable[[], dict[str, Callable[..., Any]]]) -> None:
    """Answer what ``Worker.ask`` asks, with the functions that `prepare` returns by the name of the question."""
    use_cores(threads)
    with os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8") as output:
        os.dup2(2, 1)  # whatever a framework prints goes elsewhere
        answers, reply = {}, {}
        try:
            answers = {"ready": lambda: None, **prepare()}
        except Unavailable as error:
            reply = {"unavailable": str(error)}
        for line in sys.stdin:
            question, *arguments = json.loads(line)
            print(json.dumps(reply or {"answer": answers[question](*arguments)}), file=output)


@contextlib.contextmanager
def workers(
    script: str, names: Iterable[str], threads: int, environment: dict[str, str] | None = None, **task: Any
) -> Iterator[dict[str, Worker]]:
    """Start a worker for each name; they get ready side by side. Leave out those that cannot run; end all at last."""
    started = {name: Worker(script, name, threads, environment, **task) for name in names}
    try:
        for name, worker in list(started.items()):
            try:
                worker.ask("ready")
            except Unavailable as error:
                print(f"{name}: left out, {error}")
                started.pop(name).close()
        if len(started) > 1 and not CAN_STOP:
            print("This system cannot stop a process: an engine whose threads still spin slows the next one")
        yield started
    finally:
        for worker in started.values():
            worker.close()


@contextlib.contextmanager
def busy_program(wanted: bool = True) -> Iterator[None]:
    """Beside the block, if it is wanted, let a second program keep one core busy."""
    if not wanted:
        yield
        return
    program = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        program.kill()
        program.wait()
