"""The program: its commands, and how what goes wrong is told."""

from __future__ import annotations

import traceback
from importlib.metadata import version
from typing import Any

import click

from optuna_linas.cli.export import export
from optuna_linas.cli.failures import Failure, Interrupted
from optuna_linas.cli.generate import generate
from optuna_linas.cli.measure import measure
from optuna_linas.cli.report import report
from optuna_linas.cli.search import search

__all__ = ["main"]


class _Program(click.Group):
    """A group whose errors are one line, and whose exit codes are documented."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["optuna_linas.args"] = list(args)  # for the line that resumes a search
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            raise Interrupted("Interrupted.") from None
        except Exception as error:
            if ctx.params["traceback"]:
                traceback.print_exc()
            name = "" if isinstance(error, ValueError | TypeError) else f"{type(error).__name__}: "
            hint = "" if ctx.params["traceback"] else " (--traceback before the command says more.)"
            raise Failure(f"{name}{' '.join(str(error).split())}{hint}") from None


@click.group(
    cls=_Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""
\b
A first try, without any code: search a super-network on handwritten digits,
look at it, take the best network within 0.2 ms.
  optuna-linas search --supernet elastic-cnn --data digits --trials 60
  optuna-linas report
  optuna-linas generate --cost latency_ms --budget 0.2
  optuna-linas export --trial best

\b
Your own objective function, in train.py:
  optuna-linas search train.py:objective --direction maximize --direction minimize

\b
Exit codes: 0 all done, 1 the work failed, 2 the command line (or what it names)
is wrong, 130 interrupted. With --json, standard output has one JSON object and
everything else goes to standard error.
""",
)
@click.option("--traceback", is_flag=True, help="Show where an error comes from.")
@click.version_option(version("optuna-linas"), prog_name="optuna-linas")
def main(traceback: bool) -> None:
    """Neural architecture search inside Optuna.

    Each command says more: optuna-linas search --help
    """


for _command in (search, report, generate, measure, export):
    main.add_command(_command)
