"""`mynah doctor`: what is missing, and how to get it."""

from typing import Annotated

import typer

from mynah.discord_application import API
from mynah.invocation import Home, Invocation, Json, begin, run


def doctor(
    context: typer.Context,
    online: Annotated[bool, typer.Option("--online", help="Also ask Discord about the token and the intents.")] = False,
    api: Annotated[str, typer.Option("--api", help="Discord's address.", hidden=True)] = API,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Look at everything that Mynah needs, and say how to mend what is missing. Exit code 1: something must be."""
    run(_doctor(begin(context, home, as_json, shown=None), online=online, api=api))


async def _doctor(invocation: Invocation, *, online: bool, api: str) -> None:
    from mynah.checkup import Finding, Health, check_up

    findings: list[Finding] = []
    async for finding in check_up(invocation.settings, online=online, api=api):
        findings.append(finding)
        if not invocation.as_json:
            print(f"{finding.health.value:<5} {finding.name:<11} {finding.what}", flush=True)
            if finding.mend:
                print(f"      {'':<11} → {finding.mend}", flush=True)
    failed = any(finding.health is Health.FAIL for finding in findings)
    invocation.emit({"ok": not failed, "checks": findings}, "")
    if failed:
        raise typer.Exit(1)
