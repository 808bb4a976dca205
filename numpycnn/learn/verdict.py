"""What the judge answers."""

from __future__ import annotations

import dataclasses

CONTRACT = {
    "blank": "nothing is returned yet",
    "raises": "an exception",
    "outputs": "another number of outputs",
    "no-array": "an output that is no array of numbers",
    "dtype": "an output in whole numbers, float32 or another type",
    "changes-input": "an argument is changed in place",
    "not-repeated": "other numbers for the same arguments",
    "too-slow": "it does not end in time",
}


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the judge says.

    Attributes
    ----------
    passed : bool
    mistake : str, optional
        Identifier of an entry of the library (``"dw-overwritten"``; of ``CONTRACT`` where no number was wrong), or None
        where the mistake is not known.
    message : str
        What is wrong, or where.
    hints : tuple of str
        From a question to nearly the line: to be read one at a time.
    """

    passed: bool
    mistake: str | None
    message: str
    hints: tuple[str, ...] = ()
