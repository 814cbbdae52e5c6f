"""From a trained PyTorch module to a verified model to deploy, in one call."""
from __future__ import annotations

import inspect as _inspect
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from ._calls import convert
from ._command import Failed, NotEquivalent
from .report import Report


def export(
    module: Any,
    example: Any,
    path: Union[str, "os.PathLike[str]"],
    *,
    exporter: str = "auto",
    input_names: Optional[Sequence[str]] = None,
    output_names: Optional[Sequence[str]] = None,
    dynamic_batch: bool = True,
    opset: Optional[int] = None,
    keep: Union[str, "os.PathLike[str]", None] = None,
    rtol: float = 1e-3,
    atol: float = 1e-4,
    **flags: Any,
) -> Report:
    """Exports a module in training form, converts it and compares the result with the module.

    The module is exported as it computes in eval mode, with the statistics of its
    BatchNormalizations, and nothing folded, so that the merges are the ones that are
    proved here; its mode is as before afterwards. example is a tensor, or a tuple of them
    in the order of forward's parameters. exporter is "legacy", "dynamo" or "auto": dynamo
    where it works with what is installed, legacy otherwise. keep is where the exported
    model is kept; without it, it is gone when the call ends. flags are those of convert.

    The converted model runs on the example, and its outputs have to be those of the module:
    NotEquivalent is raised and the model removed where an element differs by more than atol
    plus rtol times the output's largest value.
    """
    import torch

    args = tuple(example) if isinstance(example, (tuple, list)) else (example,)
    names = list(input_names) if input_names is not None else _parameters(module, len(args))
    modes = {m: m.training for m in module.modules()}
    try:
        module.eval()
        with torch.no_grad():
            expected = _flat(module(*args))
        outputs = list(output_names) if output_names is not None else [f"output{i}" if i else "output" for i in range(len(expected))]
        with tempfile.TemporaryDirectory(prefix="repmlp-") as folder:
            source = Path(keep) if keep is not None else Path(folder) / "module.onnx"
            _export(torch, module, args, source, exporter, names, outputs, dynamic_batch, opset)
            report = convert(source, path, **flags)
            try:
                _compare(Path(path), names, args, outputs, expected, rtol, atol)
            except Exception:
                os.unlink(path)
                raise
            return report
    finally:
        for m, training in modes.items():
            m.training = training


def _parameters(module: Any, n: int) -> List[str]:
    names = [p.name for p in _inspect.signature(module.forward).parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][:n]
    return names if len(names) == n else [f"input{i}" if i else "input" for i in range(n)]


def _flat(value: Any) -> list:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        return [x for v in value for x in _flat(v)]
    return [] if value is None else [value]


def _export(torch: Any, module: Any, args: tuple, path: Path, exporter: str, names: List[str], outputs: List[str], dynamic: bool, opset: Optional[int]) -> None:
    if exporter not in ("auto", "legacy", "dynamo"):
        raise ValueError(f'exporter {exporter!r}: choose "auto", "legacy" or "dynamo"')
    common: Dict[str, Any] = {"input_names": names, "output_names": outputs}
    if opset is not None:
        common["opset_version"] = opset
    if exporter in ("auto", "dynamo"):
        try:
            _dynamo(torch, module, args, path, common, dynamic)
            return
        except Exception as e:
            if exporter == "dynamo":
                raise
            warnings.warn(f"exporting with dynamo failed ({type(e).__name__}); exporting with the legacy exporter instead", stacklevel=3)
    axes = {n: {0: "batch"} for n in names + outputs} if dynamic else None
    parameters = _inspect.signature(torch.onnx.export).parameters
    more = {"dynamo": False} if "dynamo" in parameters else {}
    torch.onnx.export(
        module,
        args,
        str(path),
        dynamic_axes=axes,
        training=torch.onnx.TrainingMode.PRESERVE,  # of a module in eval mode: BatchNormalization stays, with its statistics
        do_constant_folding=False,
        **common,
        **more,
    )


def _dynamo(torch: Any, module: Any, args: tuple, path: Path, common: Dict[str, Any], dynamic: bool) -> None:
    if "dynamo" not in _inspect.signature(torch.onnx.export).parameters:
        raise Failed("this PyTorch has no dynamo exporter", "take exporter=\"legacy\", or a newer PyTorch")
    shapes = None
    if dynamic:
        batch = torch.export.Dim("batch")
        shapes = tuple({0: batch} if getattr(a, "ndim", 0) else None for a in args)
    program = torch.onnx.export(module, args, dynamo=True, optimize=False, dynamic_shapes=shapes, verbose=False, **common)
    program.save(str(path))


def _compare(path: Path, names: List[str], args: tuple, outputs: List[str], expected: list, rtol: float, atol: float) -> None:
    """Runs the converted model in ONNX Runtime, or ONNX's reference evaluator, on the example."""
    import numpy

    feeds = {n: a.detach().cpu().numpy() for n, a in zip(names, args)}
    try:
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        wanted = {i.name for i in session.get_inputs()}
        got = session.run(None, {n: a for n, a in feeds.items() if n in wanted})
        have = [o.name for o in session.get_outputs()]
    except ImportError:
        from onnx.reference import ReferenceEvaluator

        evaluator = ReferenceEvaluator(str(path))
        got = evaluator.run(None, {n: a for n, a in feeds.items() if n in evaluator.input_names})
        have = evaluator.output_names
    if len(got) != len(expected):
        raise NotEquivalent(f"the module has {len(expected)} outputs, the converted model {len(got)}")
    for name, a, b in zip(have, expected, got):
        a = a.detach().cpu().numpy()
        if a.shape != b.shape:
            raise NotEquivalent(f"output {name!r}: the module gives shape {list(a.shape)}, the converted model {list(b.shape)}")
        if a.dtype.kind != "f":
            if not numpy.array_equal(a, b):
                raise NotEquivalent(f"output {name!r} differs from the module's")
            continue
        a, b = a.astype(numpy.float64), b.astype(numpy.float64)
        finite = numpy.isfinite(a)
        if not numpy.array_equal(finite, numpy.isfinite(b)) or not numpy.array_equal(a[~finite], b[~finite], equal_nan=True):
            raise NotEquivalent(f"output {name!r}: NaN or infinities stand at other places than in the module's output")
        if not finite.any():
            continue
        difference, largest = float(numpy.abs(a - b)[finite].max()), float(numpy.abs(a[finite]).max())
        if difference > atol + rtol * largest:
            raise NotEquivalent(f"output {name!r} differs from the module's by up to {difference:.3g}; allowed are {atol + rtol * largest:.3g}",
                                "is the example an ordinary input? take rtol and atol for what your runtime rounds")
