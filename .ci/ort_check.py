"""Convert every case of a folder; judge verdict, reason, operator counts, and the outputs in ONNX Runtime.

usage: ort_check.py BINARY CASES_DIR

A session without optimisations is the oracle: ONNX Runtime's own Conv+BatchNormalization fusion overflows float16 where
the specification stays finite, and a BatchNormalization with 2 to 4 outputs, which opset 13 does not define, does not load.
"""
import sys

if __name__ == "__main__" and len(sys.argv) < 3:
    raise SystemExit(__doc__)

import argparse, collections, json, os, subprocess, tempfile
import numpy as np, onnx, onnxruntime as ort
from onnx import TensorProto, numpy_helper

TOLERANCE = {TensorProto.FLOAT: 2e-5, TensorProto.FLOAT16: 8e-3, TensorProto.BFLOAT16: 6e-2, TensorProto.DOUBLE: 2e-5}


def tensor(path):
    t = TensorProto()
    with open(path, "rb") as f:
        t.ParseFromString(f.read())
    return t


def tensors(folder, prefix):
    names = [f for f in os.listdir(folder) if f.startswith(prefix)]
    return [tensor(os.path.join(folder, f)) for f in sorted(names, key=lambda s: int(s.split("_")[1].split(".")[0]))]


def counts(model):
    dims = {t.name: list(t.dims) for t in model.graph.initializer}
    ops = collections.Counter(n.op_type for n in model.graph.node)
    for n in model.graph.node:
        if n.op_type == "Conv":
            kernel = next((list(a.ints) for a in n.attribute if a.name == "kernel_shape"), dims.get(n.input[1], [0, 0, 1])[2:])
            ops["Conv>1"] += any(k > 1 for k in kernel)
    return ops


def verdict(entry, report, model):
    """What the report and the operators say against the manifest, None if nothing."""
    got, want = report["verdict"], entry["expect"]
    codes = {d["code"] for d in report.get("declined", [])}
    reasons = set(entry.get("reason", "").split("|")) - {""}
    limits = entry.get("max_ops", {"BatchNormalization": 0, "Conv>1": 0} if want == "fused" else {})
    ops = counts(model)
    over = {o: (ops[o], n) for o, n in limits.items() if ops[o] > n}
    some, left = got in ("fused", "partial"), got in ("partial", "declined")
    if want == "fused":
        ok = some and not over
    elif want == "fused_or_partial":
        ok = some and not over and (got == "fused" or not reasons or reasons & codes)
    elif want in ("partial", "declined"):
        ok = left and not over and (not reasons or reasons & codes)
    elif want == "unchanged":
        ok = not some
    else:  # ..._or_declined
        ok = not (got == "fused" and over) and not (got == "declined" and reasons and not reasons & codes)
    return None if ok else f"verdict {got}, want {want}; too many {over}; declined {sorted(codes)}"


def outputs(folder, entry, model, path):
    tol = max([TOLERANCE.get(t.data_type, 0) for t in model.graph.initializer] + [2e-5, entry.get("rtol", 0)])
    inits = {t.name for t in model.graph.initializer}
    names = [i.name for i in model.graph.input if i.name not in inits]
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    for k in range(entry.get("npairs", 1)):
        data = os.path.join(folder, f"test_data_set_{k}")
        if not os.path.isdir(data):
            continue
        feeds = dict(zip(names, map(numpy_helper.to_array, tensors(data, "input"))))
        for want, got in zip(tensors(data, "output"), session.run(None, feeds)):
            want = numpy_helper.to_array(want).astype(np.float64)
            ok = np.isfinite(want)
            if want.shape != got.shape or not (np.isfinite(got) == ok).all():
                return "shape or finiteness differs"
            scale = max(np.abs(want[ok]).max(initial=0), 1e-30)
            err = np.abs(want[ok] - got[ok].astype(np.float64)).max(initial=0) / scale
            if err > tol:
                return f"WRONG OUTPUT: relative error {err:.2e} > {tol:.0e}"
    return None


def check(binary, folder, entry, out):
    p = subprocess.run([binary, "convert", "--json", os.path.join(folder, "model.onnx"), "-o", out], capture_output=True, text=True)
    if p.returncode:
        return None if entry["expect"].startswith("error") and not os.path.exists(out) else f"exit {p.returncode}: {p.stderr.strip()}"
    model = onnx.load(out)
    why = verdict(entry, json.loads(p.stdout), model)
    return why or outputs(folder, entry, model, out)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("binary")
    ap.add_argument("cases")
    a = ap.parse_args()
    ort.set_default_logger_severity(4)
    bad = n = 0
    with tempfile.TemporaryDirectory() as tmp:
        for entry in json.load(open(os.path.join(a.cases, "manifest.json"))):
            n += 1
            folder, out = os.path.join(a.cases, entry["name"]), os.path.join(tmp, entry["name"] + ".onnx")
            why = check(os.path.abspath(a.binary), folder, entry, out)
            if why:
                bad += 1
                print(f"{entry['name']}: {why}")
    print(f"ONNX Runtime {ort.__version__}: {n - bad} of {n} cases hold")
    raise SystemExit(bool(bad))


main()
