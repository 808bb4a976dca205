"""The command ``numpycnn``: which subcommands there are, and what is the same for all.

A subcommand is a module of its name here, with a docstring, ``add_arguments(parser)`` and ``run(options, parser)``,
which returns the exit status (or None). It is imported when it is called: ``numpycnn --help`` answers at once.
Exit status: 0 if all went well, 1 if something failed, 2 for a wrong option, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import Any, NoReturn, Sequence

from .. import __version__
from ..files import printable
from ..hints import did_you_mean
from ..terminal import show, stop_writing
from .options import said

COMMANDS = {
    "train": "train a network on a data set or on images of your own",
    "predict": "say what is in pictures",
    "page": "write a page to draw on, and look into the network",
    "info": "show what a model file holds",
    "export": "write a model as C or ONNX, or for PyTorch",
    "verify": "compare a model with itself in another system",
    "gradcheck": "check every gradient of the package",
    "profile": "show what a training step costs, part by part",
    "compile": "compile all kernels ahead of time",
    "data": "list, fetch and check the data sets",
}


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {printable(message)} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit status; without one list them all."""
    arguments = sys.argv[1:] if arguments is None else arguments
    epilog = "\n".join(["commands:", *(f"  {name:10} {text}" for name, text in COMMANDS.items()), "",
                        "numpycnn COMMAND --help shows a command's options."])
    parser = Parser(
        prog="numpycnn", usage="numpycnn COMMAND [options]", epilog=epilog,
        description="Train networks on images and use them, on a CPU.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"numpycnn {__version__}")
    if not arguments or arguments[0].startswith("-"):
        parser.parse_args(arguments)
        show(parser.format_help().rstrip())
        return 0
    name, *rest = arguments
    if name not in COMMANDS:
        hint = did_you_mean(name, COMMANDS) or f"; expected {', '.join(COMMANDS)}"
        parser.error(f"unknown command {name!r}{hint}")
    return run_command(name, rest, f"numpycnn {name}")


def run_command(name: str, arguments: Sequence[str], prog: str) -> int:
    """Run a subcommand under the name `prog` and return its exit status; an error is told in its own words."""
    try:
        module = importlib.import_module(f".{name}", __package__)
        parser = make_parser(module, prog)
        return module.run(parser.parse_args(arguments), parser) or 0
    except BrokenPipeError:
        stop_writing()
        return 1
    except KeyboardInterrupt as error:
        return _fail(prog, str(error) or "interrupted", 130)
    except (OSError, ValueError, TypeError, RuntimeError, ImportError, MemoryError) as error:
        return _fail(prog, error, 1)


def make_parser(module: Any, prog: str) -> Parser:
    """Return the parser of a subcommand's options."""
    def narrow(prog: str) -> argparse.HelpFormatter:
        return argparse.HelpFormatter(prog, max_help_position=27)

    parser = Parser(prog=prog, usage=getattr(module, "USAGE", "%(prog)s [options]"), add_help=False,
                    description=(module.__doc__ or "").split("\n")[0], formatter_class=narrow)
    parser.add_argument("-h", "--help", action="help", help=argparse.SUPPRESS)  # whoever reads it knows it
    module.add_arguments(parser)
    return parser


def _fail(prog: str, error: object, status: int) -> int:
    text = said(error).removeprefix(f"{prog.split()[-1]}: ")  # the function of that name has said it already
    print(f"{prog}: {text}", file=sys.stderr)
    return status
