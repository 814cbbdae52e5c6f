"""Share of the machine's rate for one Gemm that a whole network reaches in ONNX Runtime.

usage: rate.py MODEL.onnx [BATCH] [THREADS]

Counts the multiplications of Conv, Gemm and MatMul from the shapes of the run, and times the network and a Gemm of
2048×2048×2048 in turns.
"""
import sys

if __name__ == "__main__" and len(sys.argv) < 2:
    raise SystemExit(__doc__)

import time
import numpy as np, onnx, onnxruntime as ort
from onnx import helper, numpy_helper, TensorProto


def session(model, threads):
    so = ort.SessionOptions()
    so.intra_op_num_threads = threads
    so.log_severity_level = 4
    so.add_session_config_entry("session.force_spinning_stop", "1")
    return ort.InferenceSession(model, so, providers=["CPUExecutionProvider"])


def multiplications(path, feeds):
    """of one run, from the shapes of all values"""
    model = onnx.load(path)
    sizes = {t.name: list(t.dims) for t in model.graph.initializer}
    wanted = {n.output[0]: n for n in model.graph.node if n.op_type in ("Conv", "Gemm", "MatMul")}
    keep = [o.name for o in model.graph.output]
    model.graph.output.extend(helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in wanted if o not in keep)
    so = ort.SessionOptions()
    so.log_severity_level = 4
    s = ort.InferenceSession(model.SerializeToString(), so, providers=["CPUExecutionProvider"])
    total = 0
    for name, y in zip(wanted, s.run(list(wanted), feeds)):
        n = wanted[name]
        if n.op_type == "Conv":
            k = int(np.prod(sizes[n.input[1]][1:]))
        else:
            constant = n.input[1] if n.input[1] in sizes else n.input[0]
            shape = sizes[constant]
            attrs = {a.name: a.i for a in n.attribute}
            if constant == n.input[0]:
                k = shape[-1]
            else:
                k = shape[-1] if attrs.get("transB") else shape[-2]
        total += y.size * k
    return total


def main():
    path = sys.argv[1]
    batch, threads = (int(v) for v in (sys.argv[2:] + ["8", "2"][len(sys.argv) - 2:])[:2])
    s = session(path, threads)
    shape = [batch if not isinstance(d, int) else d for d in s.get_inputs()[0].shape]
    feeds = {s.get_inputs()[0].name: np.random.default_rng(0).standard_normal(shape, dtype=np.float32)}
    n = 2048
    w = numpy_helper.from_array(np.ones((n, n), np.float32), "w")
    g = helper.make_graph([helper.make_node("Gemm", ["x", "w"], ["y"])], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [n, n])],
                          [helper.make_tensor_value_info("y", TensorProto.FLOAT, [n, n])], [w])
    one = session(helper.make_model(g, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString(), threads)
    x = {"x": np.random.default_rng(1).standard_normal((n, n), dtype=np.float32)}
    times = [[], []]
    for r in range(13):
        for t, run in zip(times, (lambda: s.run(None, feeds), lambda: one.run(None, x))):
            start = time.perf_counter()
            run()
            if r > 2:
                t.append(time.perf_counter() - start)
    net, gemm = (float(np.median(t)) for t in times)
    macs = multiplications(path, feeds)
    print(f"{path}: batch {batch}, {macs / 1e9:.2f} G multiplications in {1e3 * net:.1f} ms = {2 * macs / net / 1e9:.0f} GFLOP/s; "
          f"one Gemm {2 * n**3 / gemm / 1e9:.0f} GFLOP/s; share {macs / net / (n**3 / gemm):.2f}")


main()
