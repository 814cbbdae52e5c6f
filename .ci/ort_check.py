"""Convert every case of a folder and compare with the stored outputs in ONNX Runtime.

usage: ort_check.py BINARY CASES_DIR
"""
import json, os, subprocess, sys, tempfile
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


def check(binary, folder, entry, out):
    src = os.path.join(folder, "model.onnx")
    p = subprocess.run([binary, "convert", "-q", src, "-o", out], capture_output=True, text=True)
    if p.returncode:
        return None if entry["expect"].startswith("error") else f"exit {p.returncode}: {p.stderr.strip()}"
    model = onnx.load(out)
    tol = max([TOLERANCE.get(t.data_type, 0) for t in model.graph.initializer] + [2e-5, entry.get("rtol", 0)])
    inits = {t.name for t in model.graph.initializer}
    names = [i.name for i in model.graph.input if i.name not in inits]
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = ort.InferenceSession(out, options, providers=["CPUExecutionProvider"])
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
                return f"relative error {err:.2e} > {tol:.0e}"
    return None


def main():
    binary, cases = os.path.abspath(sys.argv[1]), sys.argv[2]
    ort.set_default_logger_severity(4)
    bad = n = 0
    with tempfile.TemporaryDirectory() as tmp:
        for entry in json.load(open(os.path.join(cases, "manifest.json"))):
            n += 1
            why = check(binary, os.path.join(cases, entry["name"]), entry, os.path.join(tmp, entry["name"] + ".onnx"))
            if why:
                bad += 1
                print(f"{entry['name']}: {why}")
    print(f"ONNX Runtime {ort.__version__}: {n - bad} of {n} converted cases agree with their stored outputs")
    sys.exit(bool(bad))


main()
