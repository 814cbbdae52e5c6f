"""repmlp merges everything linear in an ONNX model exactly and proves each merge.

    import repmlp

    report = repmlp.convert("model.onnx", "deploy.onnx", strict=True)
    print(report.verdict, len(report.regions))
    repmlp.verify("model.onnx", "deploy.onnx", inputs={"image": images})
    print(repmlp.inspect("model.onnx").declined)

The work is done by the command `repmlp`, which comes with this package; models are paths,
bytes or onnx.ModelProto. `repmlp.torch` exports a module and converts it in one call.
"""
from ._command import Error, Failed, Interrupted, NotConverted, NotEquivalent, UsageError, binary, version
from ._calls import convert, inspect, verify
from .report import Report

__all__ = ["convert", "verify", "inspect", "Report", "Error", "Failed", "UsageError", "NotEquivalent", "NotConverted", "Interrupted", "binary", "version"]
__version__ = version()
