"""`python -m benchmarks` lists the benchmarks; with names it runs those, with `--all` every one of them."""

import argparse
import ast
import importlib.util
import pkgutil
import subprocess
import sys
from pathlib import Path

import benchmarks


def found() -> dict[str, str]:
    """Each benchmark's name with the first line of its docstring: the modules here that have a `main`."""
    names = {}
    for module in pkgutil.iter_modules(benchmarks.__path__):
        spec = importlib.util.find_spec(f"benchmarks.{module.name}")
        if module.ispkg or module.name.startswith("_") or spec is None or spec.origin is None:
            continue
        tree = ast.parse(Path(spec.origin).read_text("utf-8"))
        if any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == "main" for node in tree.body):
            names[module.name] = (ast.get_docstring(tree) or "").partition("\n")[0]
    return names


def main() -> int:
    """List or run; each benchmark gets a process of its own, so that none warms up another."""
    known = found()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(known) or 'none yet'}")
    parser.add_argument("--all", action="store_true", help="run every one")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in known]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are: {', '.join(known)}")
    chosen = list(known) if arguments.all else arguments.names
    if not chosen:
        for name, what in known.items():
            print(f"{name:<20} {what}")
        print("\nRun one: python -m benchmarks NAME (what it showed here: docs/benchmarks.md)")
    codes = [_run(name, headed=len(chosen) > 1) for name in chosen]
    return max(codes, default=0)


def _run(name: str, *, headed: bool) -> int:
    if headed:
        print(f"\n=== {name} ===", flush=True)
    return subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
