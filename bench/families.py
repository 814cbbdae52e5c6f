"""Operator counts and latencies of networks of conv families, before and after, with what other tools leave.

usage: families.py REPMLP FOLDER [THREADS]

FOLDER holds filled networks (go run ./internal/cmd/fillnet NAME FOLDER/NAME.onnx). Needs onnx, onnxruntime, onnxsim, onnxslim and
onnxscript in this Python; REPMLP is built with cgo. Prints docs/benchmarks/families.md.
"""
import sys

if __name__ == "__main__" and len(sys.argv) < 3:
    raise SystemExit(__doc__)

import collections, datetime, json, os, subprocess, tempfile
import onnx, onnxruntime, onnxscript.optimizer, onnxsim, onnxslim

OPS = ["Conv", "BatchNormalization", "Add", "Mul", "Sub"]


def counts(model):
    return collections.Counter(n.op_type for n in model.graph.node)


def row(name, tool, c):
    return f"| {name} | {tool} | " + " | ".join(str(c[op]) for op in OPS) + f" | {sum(c.values())} |"


def runtime(path, out):
    """what ONNX Runtime's own optimiser makes of it, without the layouts of one processor"""
    so = onnxruntime.SessionOptions()
    so.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    so.optimized_model_filepath = out
    so.log_severity_level = 4
    onnxruntime.InferenceSession(path, so, providers=["CPUExecutionProvider"])
    c = counts(onnx.load(out))
    c["Conv"] += c.pop("FusedConv", 0)
    return c


def main():
    repmlp, folder = os.path.abspath(sys.argv[1]), sys.argv[2]
    threads = sys.argv[3] if len(sys.argv) > 3 else "2"
    lib = os.path.join(os.path.dirname(onnxruntime.__file__), "capi")
    env = dict(os.environ, ONNXRUNTIME_SHARED_LIBRARY_PATH=next(os.path.join(lib, f) for f in sorted(os.listdir(lib)) if f.startswith("libonnxruntime.so")))
    table, speed = [], []
    for name in sorted(f for f in os.listdir(folder) if f.endswith(".onnx")):
        src, title = os.path.join(folder, name), name[:-5]
        with tempfile.TemporaryDirectory() as tmp:
            out = os.path.join(tmp, "out.onnx")
            subprocess.run([repmlp, "convert", "-q", "--no-progress", src, "-o", out], check=True)
            model = onnx.load(src)
            table.append(row(title, "training form", counts(model)))
            table.append(row(title, "repmlp", counts(onnx.load(out))))
            table.append(row(title, f"onnxsim {onnxsim.__version__}", counts(onnxsim.simplify(src)[0])))
            table.append(row(title, f"onnxslim {onnxslim.__version__}", counts(onnxslim.slim(src))))
            table.append(row(title, f"onnxscript {onnxscript.__version__}", counts(onnxscript.optimizer.optimize(onnx.load(src)))))
            table.append(row(title, f"onnxruntime {onnxruntime.__version__}, extended", runtime(src, os.path.join(tmp, "ort.onnx"))))
            p = subprocess.run([repmlp, "bench", "--engine", "ort", "--json", "--batch", "1,8", "--runs", "30", "--threads", threads, src, out],
                               check=True, env=env, stdout=subprocess.PIPE)
            r = json.loads(p.stdout)["results"]
            for before, after in zip(r[::2], r[1::2]):
                x = after["ratio_to_first"]
                speed.append(f"| {title} | {before['batch']} | {before['median_ms']:.2f} | {after['median_ms']:.2f} | {x['value']:.2f} ({x['low']:.2f} to {x['high']:.2f}) |")
    print("# Conv families, measured\n")
    print(f"Made by `python bench/families.py REPMLP FOLDER {threads}` on {datetime.date.today()}, {os.cpu_count()} cores, {threads} threads.\n")
    print("## Operators\n| network | tool | " + " | ".join(OPS) + " | all |\n|---|---|" + "---|" * (len(OPS) + 1))
    print("\n".join(table))
    print("\n## Latency in ONNX Runtime, ms\n| network | batch | training form | converted | times as fast (95 % interval) |\n|---|---|---|---|---|")
    print("\n".join(speed))


main()
