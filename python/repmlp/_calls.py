"""convert, verify and inspect as functions."""
from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, List, Mapping, Optional, Union

from ._command import run
from .report import Report

Model = Union[str, "os.PathLike[str]", bytes, Any]
Inputs = Union[str, "os.PathLike[str]", Mapping[str, Any], None]


def convert(model: Model, output: Union[str, "os.PathLike[str]", None] = None, *, strict: bool = False, inputs: Inputs = None, **flags: Any) -> Report:
    """Merges what can be merged exactly, proves each merge and writes the model to deploy.

    model is a path, the bytes of a model, or an onnx.ModelProto. output is where the
    result goes; without it, beside a model that is a path, and into `report.model` (of
    the kind that was given) for one in memory. Further flags are those of the command:
    `fold_dequantize=True`, `fc="conv"`, `rtol=1e-3`, `dim={"batch": 4}`.

    Raises NotEquivalent, NotConverted (with strict), Failed or UsageError; nothing is
    written then.
    """
    with _Work() as work:
        path = work.model(model, "model.onnx")
        target = None if output is None else os.fspath(output)
        inside = target is None and not _is_path(model)
        if inside:
            target = str(work.folder / "converted.onnx")
        arguments = ["convert", path, *_flags(flags, strict=strict), *work.inputs(inputs)]
        if target is not None:
            arguments += ["-o", target]
        report = Report.of(run(arguments))
        if inside:
            report.model = _loaded(target, model)
        return report


def verify(reference: Model, candidate: Model, *, inputs: Inputs = None, **flags: Any) -> Report:
    """Compares two models, whoever made them, on random inputs or on those given.

    inputs is a path (.npy, .npz, an ONNX test_data_set folder) or a mapping from names of
    inputs to arrays, whose first axis may hold many samples. Raises NotEquivalent where
    they differ by more than rounding; its report says by how much.
    """
    with _Work() as work:
        a, b = work.model(reference, "reference.onnx"), work.model(candidate, "candidate.onnx")
        return Report.of(run(["verify", a, b, *_flags(flags), *work.inputs(inputs)]))


def inspect(model: Model, **flags: Any) -> Report:
    """Says what convert would merge, and what not and why; writes nothing."""
    with _Work() as work:
        return Report.of(run(["inspect", work.model(model, "model.onnx"), *_flags(flags)]))


def _is_path(model: Model) -> bool:
    return isinstance(model, (str, os.PathLike))


def _flags(given: Mapping[str, Any], **more: Any) -> List[str]:
    """Keyword arguments as flags: True is a flag alone, False and None are left out, a list repeats
    it, a mapping writes key=value."""
    out: List[str] = []
    for name, value in {**given, **more}.items():
        flag = "--" + name.replace("_", "-")
        if value is None or value is False:
            continue
        if value is True:
            out.append(flag)
        elif isinstance(value, Mapping):
            for k, v in value.items():
                out += [flag, f"{k}={v}"]
        elif isinstance(value, (list, tuple)):
            for v in value:
                out += [flag, os.fspath(v) if isinstance(v, os.PathLike) else str(v)]
        else:
            out += [flag, os.fspath(value) if isinstance(value, os.PathLike) else str(value)]
    return out


def _loaded(path: str, like: Model) -> Any:
    data = Path(path).read_bytes()
    if isinstance(like, (bytes, bytearray, memoryview)):
        return data
    import onnx

    return onnx.load(path)  # with its external data


class _Work:
    """A folder for what is in memory, gone when the call ends."""

    def __enter__(self) -> "_Work":
        self._temporary: Optional[tempfile.TemporaryDirectory] = None
        return self

    def __exit__(self, *_: Any) -> None:
        if self._temporary is not None:
            self._temporary.cleanup()

    @property
    def folder(self) -> Path:
        if self._temporary is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="repmlp-")
        return Path(self._temporary.name)

    def model(self, model: Model, name: str) -> str:
        if _is_path(model):
            return os.fspath(model)
        path = self.folder / name
        if isinstance(model, (bytes, bytearray, memoryview)):
            path.write_bytes(model)
            return str(path)
        if hasattr(model, "SerializeToString"):
            _save(model, path)
            return str(path)
        raise TypeError(f"a model is a path, bytes or an onnx.ModelProto, not {type(model).__name__}")

    def inputs(self, inputs: Inputs) -> List[str]:
        if inputs is None:
            return []
        if _is_path(inputs):
            return ["--inputs", os.fspath(inputs)]
        if not inputs:
            return []
        import numpy

        path = self.folder / "inputs.npz"
        numpy.savez(path, **{k: numpy.asarray(v) for k, v in inputs.items()})
        return ["--inputs", str(path)]


_LARGEST = 1 << 31  # what protobuf can write as one message


def _save(model: Any, path: Path) -> None:
    """Writes a ModelProto, with its weights beside it where it is too large for one message."""
    if model.ByteSize() < _LARGEST:
        path.write_bytes(model.SerializeToString())
        return
    import onnx

    copy = type(model)()
    copy.CopyFrom(model)
    onnx.save(copy, str(path), save_as_external_data=True, location=path.name + ".data")
