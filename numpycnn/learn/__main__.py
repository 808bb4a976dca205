"""Exercises with a judge that names the mistake, and all else that there is to learn with.

A subcommand is a module with a docstring, ``add_arguments(parser)`` and ``run(options) -> exit status``.
"""

from __future__ import annotations

import argparse
import sys
from types import ModuleType
from typing import Sequence

from ..terminal import show, show_folded, stop_writing
from . import blanks, grading, listing, trace_command

COMMANDS: dict[str, ModuleType] = {"list": listing, "start": blanks, "check": grading, "trace": trace_command}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit status; without one list them all."""
    parser = argparse.ArgumentParser(prog="python -m numpycnn.learn", description=summary(sys.modules[__name__]))
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, module in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=summary(module), description=summary(module))
        module.add_arguments(subparser)
    options = parser.parse_args(arguments)
    try:
        if options.command is None:
            show(parser.format_help())
            show_folded(listing.overview())
            return 0
        return COMMANDS[options.command].run(options)
    except BrokenPipeError:
        stop_writing()
        return 1
    except (OSError, ValueError, TypeError) as error:
        print(f"{parser.prog} {options.command}: {error}", file=sys.stderr)
        return 1


def summary(module: ModuleType) -> str:
    """The first line of a module's docstring."""
    return (module.__doc__ or "").split("\n")[0]


if __name__ == "__main__":
    sys.exit(main())
