"""The pre-commit hook: fails for models in which something could be merged."""
import sys

from . import Error, inspect


def main(paths) -> int:
    """Names the models that should be converted first, or that cannot be read; 1 where there are any."""
    code = 0
    for path in paths:
        try:
            r = inspect(path)
        except Error as e:
            print(f"{path}: {e.message}")
            code = 1
            continue
        if r.regions:
            print(f"{path}: {len(r.regions)} merge{'s' if len(r.regions) > 1 else ''} can be made; commit what this writes: repmlp convert {path}")
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
