"""What a gradient check found, and the error that says so."""

from __future__ import annotations

import dataclasses

from .slopes import Row


class GradientError(AssertionError):
    """A gradient is wrong; the message says which, where, and if it can be told, why."""


@dataclasses.dataclass(frozen=True)
class Report:
    """The rows of one check, an array each; as text, a line each.

    Attributes
    ----------
    subject : str
        The layer, loss or model.
    rows : tuple of Row
        ``dx`` first, then each parameter's gradient.
    """

    subject: str
    rows: tuple[Row, ...]

    @property
    def passed(self) -> bool:
        """Whether every array's gradient is right."""
        return bool(self.rows) and all(row.passed for row in self.rows)

    def __getitem__(self, name: str) -> Row:
        """Return the row of one array, such as ``report["weight.grad"]``."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"no array {name!r}; there are {', '.join(row.name for row in self.rows)}")

    def __str__(self) -> str:
        return "\n".join(map(str, self.rows))


def assert_gradients(report: Report) -> None:
    """Do nothing if every gradient is right; for tests.

    Raises
    ------
    GradientError
        With a line for each wrong array: the layer, the array, the element, both values and, if it can be told, why.
    """
    if not isinstance(report, Report):
        raise TypeError(f"assert_gradients: expected a Report, as check_layer returns it, got {report!r}")
    failed = [str(row) for row in report.rows if not row.passed]
    if failed or not report.rows:
        raise GradientError("\n".join(failed) or f"{report.subject}: nothing was checked")
