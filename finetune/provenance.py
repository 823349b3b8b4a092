"""The machine and the software that made a checkpoint."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from core.cpu import available_cpus
from finetune.run_state.processes import process_count

PACKAGES = ("retune", "torch", "transformers", "accelerate", "peft", "numpy", "scipy", "scikit-learn", "tokenizers")


def versions() -> dict[str, str]:
    return {package: version(package) for package in PACKAGES}


def machine() -> dict[str, Any]:
    """Properties of the machine that may affect the weights."""
    return {
        "hardware": _hardware(),
        "cores": available_cpus(),
        "threads": torch.get_num_threads(),
        "processes": process_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def git_commit() -> str | None:
    """The commit of the working folder, with "+changes" if files were changed; None outside a repository."""
    commit = _git("rev-parse", "HEAD")
    if not commit:
        return None
    return f"{commit}+changes" if _git("status", "--porcelain", "--untracked-files=no") else commit


def _git(*arguments: str) -> str:
    # Without this option, "git status" would write to the index of the user's repository.
    command = ["git", "--no-optional-locks", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _hardware() -> str:
    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return model or platform.processor() or platform.machine()
