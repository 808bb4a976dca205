"""What each kind of parameter refuses, by a name for the value: (value, error).

A value of the wrong type is a TypeError, a wrong value of the right type a ValueError; each kind says which is which.
"""

import datetime

import numpy as np

NAN, INF = float("nan"), float("inf")


class Odd:
    """Something that is nothing."""


T, V = TypeError, ValueError
NO_NUMBERS = {
    "None": (None, T), "text": ("three", T), "bytes": (b"3", T), "a complex number": (1j, T), "a list": ([2], T),
    "a dict": ({}, T), "an object": (Odd(), T), "a class": (int, T), "a function": (len, T), "True": (True, T),
    "an array": (np.ones(2), T), "a date": (datetime.date(2020, 1, 1), T),
}  # fmt: skip
NO_INTEGERS = {**NO_NUMBERS, "a float": (1.5, T), "a whole float": (2.0, T), "NaN": (NAN, T), "infinity": (INF, T)}
COUNT = {**NO_INTEGERS, "0": (0, V), "-1": (-1, V), "very negative": (-(10**30), V)}
FROM_0 = {**NO_INTEGERS, "-1": (-1, V)}
TOO_LARGE = {"2**31": (2**31, V), "10**30": (10**30, V), "uint64": (np.uint64(2**63), V)}
SIZE = {**COUNT, **TOO_LARGE}
PAIR = {**SIZE, "a list": ([2], V), "three": ((1, 2, 3), V), "none": ((), V), "a text in it": ((1, "2"), T),
        "a zero in it": ((1, 0), V)}  # fmt: skip
FINITE = {**NO_NUMBERS, "NaN": (NAN, V), "infinity": (INF, V), "minus infinity": (-INF, V), "10**400": (10**400, V)}
FROM_ZERO = {**FINITE, "-1": (-1, V), "-1e-9": (-1e-9, V)}
POSITIVE = {**FROM_ZERO, "0": (0, V)}
LENGTH = {name: bad for name, bad in POSITIVE.items() if name != "10**400"}  # steps, of which a part may be left
FRACTION = {**FROM_ZERO, "1": (1, V), "2.5": (2.5, V)}
FLAG = {"None": (None, T), "text": ("no", T), "0": (0, T), "1.0": (1.0, T), "a list": ([False], T),
        "an array": (np.ones(2), T), "an empty array": (np.ones(0), T)}  # fmt: skip
TEXT = {"None": (None, T), "a number": (3, T), "a list": (["loss"], T), "bytes": (b"loss", T),
        "an array": (np.ones((2, 2, 1)), T)}  # fmt: skip
CHOICE = {"None": (None, T), "a number": (7.5, T), "a list": (["auto"], T), "a dict": ({}, T), "an object": (Odd(), T),
          "another": ("best", V), "an array": (np.ones(2), T), "an empty array": (np.ones(0), T)}  # fmt: skip
FUNCTION = {"None": (None, T), "text": ("print", T), "a number": (3, T), "an array": (np.ones((2, 2, 1)), T)}
LIST = {"a number": (3, T), "text": ("abc", T), "an object": (Odd(), T), "a class": (int, T),
        "a 0-d array": (np.array(3), T)}  # fmt: skip
PATH = {"None": (None, T), "a number": (3, T), "a list": (["a.npz"], T), "an array": (np.ones(2), T),
        "an object": (Odd(), T), "a zero byte": ("a\0b.npz", V)}  # fmt: skip
GENERATOR = {"a seed": (0, T), "text": ("random", T), "the old kind": (np.random.RandomState(0), T)}
SHAPE = {"None": (None, T), "a number": (28, T), "text": ("28", T), "bytes": (b"ab", T), "a dict": ({1: 2}, T),
         "an object": (Odd(), T),
         "a float": ((2.5, 3, 1), T), "a whole float": ((3.0, 3, 1), T), "True": ((True, 3, 1), T),
         "a zero": ((0, 3, 1), V), "negative": ((-1, 3, 1), V),
         "None in it": ((None, 3, 1), T), "infinity in it": ((INF, 3, 1), T), "huge": ((2**31, 3, 1), V),
         "huge product": ((2**30, 2**30, 2**30), V)}  # fmt: skip
DTYPE = {"None": (None, T), "float16": ("float16", T), "an integer": (int, T), "complex": ("c8", T), "text": ("x", T),
         "byte-swapped": (np.dtype("f4").newbyteorder(), T)}  # fmt: skip
COUNT_LARGE = {**COUNT, "10**30": (10**30, V)}
STATE = {"None": (None, T), "a list": ([1], T), "a number": (3, T), "empty": ({}, V),
         "a text for the steps": ({"steps": "1"}, T), "negative steps": ({"steps": -1}, V),
         "unknown": ({"steps": 1, "x": 2}, V)}  # fmt: skip
ARRAY = {
    "None": (None, T), "text": ("abc", T), "an object": (Odd(), T), "a function": (len, T),
    "ragged": ([[1.0], [1.0, 2.0]], T), "objects": (np.array([None]), T), "complex": (np.array([1j]), T),
    "texts": (np.array(["a"]), T), "dates": (np.array(["2020-01-01"], "M8[D]"), T),
    "masked": (np.ma.masked_array([1.0, 2.0], [True, False]), T),
}  # fmt: skip
EMPTY = {"a number": (3.0, V), "empty": (np.empty(0), V)}
ROWS = {**ARRAY, **EMPTY, "rank 5": (np.ones((1,) * 5), V), "no row": (np.empty((0, 3)), V)}
NAMES = {**LIST, "numbers": ([1, 2, 3, 4], T), "too few": (["a"], V), "none": ([], V), "twice": (list("aabc"), V)}
CLASSES = {**ARRAY, **EMPTY, "NaN": ([NAN] * 20, V), "negative": ([-1] * 20, V), "fractional": ([0.5] * 20, V),
           "huge": (np.full(20, 2**63, np.uint64), V), "rank 3": (np.ones((2, 2, 2)), V)}  # fmt: skip


def but(kinds, *accepted):
    """Return the kinds without those that this parameter accepts."""
    return {label: kind for label, kind in kinds.items() if label not in accepted}
