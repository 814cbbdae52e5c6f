"""Builds the wheel of this system from source (PEP 517), with Go and the release command of this tree."""
import glob
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def _release(folder, kind, ending):
    if shutil.which("go") is None:
        sys.exit("building repmlp from source needs Go 1.26 or newer (https://go.dev/dl); wheels need nothing")
    with tempfile.TemporaryDirectory() as out:
        command = ["go", "run", "./internal/cmd/release", "-out", out, "-only", kind, "-targets", "host"]
        version = os.path.join(ROOT, "python", "VERSION")  # in a source distribution
        if os.path.exists(version):
            with open(version) as f:
                command += ["-version", f.read().strip()]
        subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
        (path,) = glob.glob(os.path.join(out, "*" + ending))
        shutil.copy(path, folder)
        return os.path.basename(path)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return _release(wheel_directory, "wheels", ".whl")


def build_sdist(sdist_directory, config_settings=None):
    return _release(sdist_directory, "sdist", ".tar.gz")
