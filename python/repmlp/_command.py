"""The command: where it is, how it is run, and what its exit codes mean."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Iterable, Optional


class Error(Exception):
    """What the command said when it failed.

    message is its error, hint what to do about it, report the report as far as it got
    (None where there is none).
    """

    def __init__(self, message: str, hint: str = "", report: Any = None):
        super().__init__(message + ("\n" + hint if hint else ""))
        self.message, self.hint, self.report = message, hint, report


class Failed(Error):
    """A file cannot be read or written, a model is invalid, an engine lacks an operator (exit code 1)."""


class UsageError(Error, ValueError):
    """An argument that the command does not know, or that does not fit (exit code 2)."""


class NotEquivalent(Error):
    """The models differ by more than rounding, or a proof failed: nothing was written (exit code 3)."""


class NotConverted(Error):
    """With strict=True: something was not merged, or nothing was there to merge; no model was written (exit code 4)."""


class Interrupted(Error):
    """A signal ended the command (exit codes above 128)."""


_CODES = {1: Failed, 2: UsageError, 3: NotEquivalent, 4: NotConverted}


def binary() -> str:
    """The path of the command: REPMLP_BINARY, the one of this installation, or the first on PATH."""
    given = os.environ.get("REPMLP_BINARY")
    if given:
        return given
    name = "repmlp" + (".exe" if os.name == "nt" else "")
    folders = [sysconfig.get_path("scripts"), str(Path(sys.executable).parent)]
    user = "nt_user" if os.name == "nt" else "posix_user"
    if user in sysconfig.get_scheme_names():
        folders.append(sysconfig.get_path("scripts", user))
    here = Path(__file__).resolve().parent.parent  # pip install --target puts commands in bin beside the modules
    folders += [str(here / "bin"), str(here / "Scripts")]
    for folder in folders:
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    found = shutil.which("repmlp")
    if found:
        return found
    raise Failed("the command repmlp was not found", "install the package again: pip install --force-reinstall repmlp")


def version() -> str:
    """The version of the installed package, "" where this module was not installed."""
    try:
        from importlib import metadata

        return metadata.version("repmlp")
    except Exception:
        return ""


def run(arguments: Iterable[str]) -> dict:
    """Runs the command with --json and returns its report; raises what its exit code means."""
    done = subprocess.run([binary(), *arguments, "--json", "--no-progress"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    report: Optional[dict] = None
    if done.stdout.strip():
        report = json.loads(done.stdout)
    if done.returncode == 0:
        return report or {}
    raise failure(done.returncode, done.stderr.decode("utf-8", "replace"), report)


def failure(code: int, text: str, report: Optional[dict]) -> Error:
    """The exception for an exit code and what standard error said."""
    from .report import Report

    message, hint = [], []
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("repmlp: error: "):
            message.append(line[len("repmlp: error: "):])
        elif line.startswith("repmlp: hint: "):
            hint.append(line[len("repmlp: hint: "):])
    kind = _CODES.get(code, Interrupted if code > 128 or code < 0 else Failed)
    return kind("\n".join(message) or text.strip() or f"repmlp ended with {code}", "\n".join(hint), Report.of(report) if report else None)
