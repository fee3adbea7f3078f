"""The command line as a whole: which commands there are, and in what order people see them."""

from typing import Annotated

import typer

from mynah.commands import (
    backup,
    chat,
    doctor,
    evaluate,
    forget,
    imports,
    init,
    model,
    monitor,
    playground,
    prepare,
    pretrain,
    processes,
    recall,
    restore,
    review,
    screen,
    simulate,
    sizes,
    status,
    sweep,
    train,
)
from mynah.invocation import CommandLine, Home, Invocation, Json

app = typer.Typer(
    name="mynah",
    cls=CommandLine,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"mynah {version('mynah')}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    home: Home = None,
    as_json: Json = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Mynah: a bot that learns to talk from the people around it, with their consent.

    Begin with `mynah run`. Settings are MYNAH_… variables or lines in .env (see .env.example).
    """
    invocation = context.ensure_object(Invocation)
    invocation.home, invocation.as_json = home, as_json


app.command("run")(processes.run)
app.command("playground")(playground.playground)
app.command("chat")(chat.chat)
app.command("init")(init.init)
app.command("doctor")(doctor.doctor)
app.command("status")(status.status)
app.command("monitor")(monitor.monitor)
app.command("import")(imports.import_conversations)
app.add_typer(review.app, name="review")
app.command("train")(train.train)
app.command("eval")(evaluate.evaluate)
app.add_typer(model.app, name="model")
app.command("simulate")(simulate.simulate)
app.add_typer(recall.app, name="recall")
app.command("sizes")(sizes.sizes)
app.command("screen")(screen.screen)
app.command("forget")(forget.forget)
app.command("backup")(backup.backup)
app.command("restore")(restore.restore)
app.command("prepare")(prepare.prepare)
app.command("pretrain")(pretrain.pretrain)
app.command("sweep")(sweep.sweep)
app.command("trainer")(processes.trainer)
app.command("bot", hidden=True)(processes.bot)
