"""Time and peak memory of the authors' way, which is PyTorch, beside repmlp; one process each, on the same weights.

usage: authors.py REPMLP FOLDER [RUNS]

FOLDER holds rep50_light.onnx and repmlpnet_b224.onnx (go run ./internal/cmd/fillnet NAME FOLDER/NAME.onnx). Needs torch, onnx and
onnxruntime in this Python. PyTorch starts from a checkpoint with the weights of the file (injection.py), repmlp from the
file. `difference` is that of the converted network to the file on one input, relative to the largest output.
"""
import sys

if __name__ == "__main__" and len(sys.argv) < 3:
    raise SystemExit(__doc__)

import os, statistics, subprocess, tempfile
from peers import run

HERE = os.path.dirname(os.path.abspath(__file__))


def save(name, source, checkpoint):
    """Writes the weights of an ONNX file, whose exporter kept their names, as a checkpoint of the network."""
    import onnx, torch
    from onnx import numpy_helper
    from injection import NETWORKS
    weights = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in onnx.load(source).graph.initializer}
    state = NETWORKS[name]().state_dict()
    for k in state:
        if k in weights:
            state[k] = weights[k]
        elif not k.endswith("num_batches_tracked"):
            raise SystemExit(f"{source} has no {k}")
    torch.save(state, checkpoint)


def difference(source, *converted):
    import numpy as np, onnxruntime as ort
    options = ort.SessionOptions()
    options.log_severity_level = 4
    sessions = [ort.InferenceSession(f, options, providers=["CPUExecutionProvider"]) for f in (source,) + converted]
    x = np.random.default_rng(1).standard_normal((1, 3, 224, 224), dtype=np.float32)
    want, *got = (s.run(None, {s.get_inputs()[0].name: x})[0] for s in sessions)
    print(*(f"{np.abs(y - want).max() / np.abs(want).max():.1e}" for y in got))


def apart(step, *arguments):
    """Runs a step in a process of its own: a child's peak memory is at least what its parent holds."""
    return subprocess.run([sys.executable, os.path.abspath(__file__), step, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout.split()


def main():
    repmlp, folder = os.path.abspath(sys.argv[1]), sys.argv[2]
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    print("| network | tool | seconds | × repmlp | peak MB | difference |\n|---|---|---|---|---|---|")
    for name in ("rep50_light", "repmlpnet_b224"):
        src = os.path.join(folder, name + ".onnx")
        with tempfile.TemporaryDirectory(dir=folder) as tmp:
            checkpoint = os.path.join(tmp, name + ".pth")
            apart("save", name, src, checkpoint)
            outs = [os.path.join(tmp, f) for f in ("repmlp.onnx", "torch.onnx")]
            tools = {
                "repmlp convert": [repmlp, "convert", "-q", "--no-progress", src, "-o", outs[0]],
                "PyTorch": [sys.executable, os.path.join(HERE, "injection.py"), name, checkpoint, outs[1]],
            }
            seconds, peak = {t: [] for t in tools}, {t: 0 for t in tools}
            for r in range(runs + 1):
                for t, command in tools.items():
                    os.sync()
                    s, m = run(command)
                    if r:  # the first round warms the page cache
                        seconds[t].append(s)
                        peak[t] = max(peak[t], m)
            base = statistics.median(seconds["repmlp convert"])
            for t, d in zip(tools, apart("difference", src, *outs)):
                s = statistics.median(seconds[t])
                print(f"| {name} | {t} | {s:.2f} | {s / base:.1f} | {peak[t]:.0f} | {d} |", flush=True)


steps = {"save": save, "difference": difference}
if sys.argv[1:] and sys.argv[1] in steps:
    steps[sys.argv[1]](*sys.argv[2:])
else:
    main()
