"""Make a virtual environment with Mynah in it, without CUDA packages where no GPU can use them.

Only the standard library is used, since nothing is installed yet. On Linux the PyPI build of PyTorch brings several
gigabytes of CUDA packages. Where there is no NVIDIA GPU and pip's own sources would choose such a build, uv is asked
for the CPU build, because uv knows where PyTorch keeps it. If that cannot be had, pip installs what it finds: large,
but it works.

Usage: install.py ENVIRONMENT [--extra NAME]...   (TORCH_INDEX=URL in the environment names another index for PyTorch)
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
CONSTRAINTS = PROJECT / "constraints.txt"


def main() -> int:
    """Create or update the environment; returns the exit status for the shell."""
    if sys.version_info < (3, 11):  # noqa: UP036 - said to people who start us with an older Python
        print("Mynah needs Python 3.11 or newer. Choose one with: make PYTHON=python3.11 …", file=sys.stderr)
        return 2
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("environment", type=Path)
    parser.add_argument("--extra", action="append", default=[])
    arguments = parser.parse_args()
    if not (arguments.environment / "bin" / "pip").exists():
        venv.create(arguments.environment, with_pip=True)
    python = str(arguments.environment.resolve() / "bin" / "python")
    try:
        install_torch(python)
        extras = f"[{','.join(arguments.extra)}]" if arguments.extra else ""
        pip(python, "-e", f"{PROJECT}{extras}")
    except subprocess.CalledProcessError as error:
        print(f"Installing failed (exit status {error.returncode}); pip's own words are above.", file=sys.stderr)
        return 1
    return 0


def pip(python: str, *arguments: str) -> None:
    """Install with pip, held to the constraints."""
    subprocess.run([python, "-m", "pip", "install", "--quiet", "-c", str(CONSTRAINTS), *arguments], check=True)


def install_torch(python: str) -> None:
    """Install PyTorch unless it is there, and without CUDA packages where there is no GPU."""
    if subprocess.run([python, "-c", "import torch"], capture_output=True, check=False).returncode == 0:
        return
    index = os.environ.get("TORCH_INDEX")
    if index:
        pip(python, "--index-url", index, "torch")
    elif shutil.which("nvidia-smi") or not would_bring_cuda(python) or not installed_by_uv(python):
        pip(python, "torch")


def would_bring_cuda(python: str) -> bool:
    """Whether pip's own choice of PyTorch depends on NVIDIA's packages; asks for metadata only."""
    command = [python, "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps", "--report", "-"]
    answer = subprocess.run([*command, "-c", str(CONSTRAINTS), "torch"], capture_output=True, text=True, check=False)
    try:
        needs = json.loads(answer.stdout)["install"][0]["metadata"].get("requires_dist", [])
    except (ValueError, LookupError):
        return False
    return any(need.startswith(("nvidia-", "cuda-")) for need in needs)


def installed_by_uv(python: str) -> bool:
    """Whether uv could install the CPU build."""
    try:
        pip(python, "uv")
    except subprocess.CalledProcessError:
        return False
    command = [python, "-m", "uv", "pip", "install", "--quiet", "--python", python, "--torch-backend", "cpu"]
    return subprocess.run([*command, "-c", str(CONSTRAINTS), "torch"], check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
