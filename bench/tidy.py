"""Is a converted model as tidy as onnxslim would leave it, and are its outputs those of --no-tidy to the bit?

usage: tidy.py REPMLP FOLDER [NAMES ...]

FOLDER holds filled networks (go run ./internal/cmd/fillnet NAME FOLDER/NAME.onnx), or NAME/model.onnx as testdata/cases does.
Needs onnx, onnxruntime and onnxslim in this Python. Prints a Markdown table: nodes of the model, of the converted one without and
with tidying, and of what onnxslim makes of the last. Exits with 1 where onnxslim leaves 2 % less, or where ONNX Runtime without
optimisations gives other bits.
"""
import sys

if __name__ == "__main__" and len(sys.argv) < 3:
    raise SystemExit(__doc__)

import glob, os, subprocess, tempfile
import numpy as np, onnx, onnxruntime


def nodes(path):
    return len(onnx.load(path, load_external_data=False).graph.node)


def outputs(path):
    o = onnxruntime.SessionOptions()
    o.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    o.log_severity_level = 4
    s = onnxruntime.InferenceSession(path, o, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(7)
    types = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
    feeds = {i.name: rng.standard_normal([d if isinstance(d, int) else 2 for d in i.shape]).astype(types[i.type]) for i in s.get_inputs()}
    return s.run(None, feeds)


def alike(these, those):
    return all(a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in zip(these, those))


def main():
    repmlp, folder, only = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3:]
    failed = False
    print("| network | nodes | merged | tidy | onnxslim | outputs |\n|---|---|---|---|---|---|")
    for source in sorted(glob.glob(folder + "/*.onnx") + glob.glob(folder + "/*/model.onnx")):
        name = os.path.basename(source) if os.path.basename(source) != "model.onnx" else os.path.basename(os.path.dirname(source))
        if only and not any(x in name for x in only):
            continue
        with tempfile.TemporaryDirectory() as t:
            plain, tidy, slim = (os.path.join(t, x + ".onnx") for x in ("plain", "tidy", "slim"))
            for out, more in ((plain, ["--no-tidy"]), (tidy, [])):
                done = subprocess.run([repmlp, "convert", source, "-o", out, "-q", "--no-progress", "--no-check"] + more, stderr=subprocess.DEVNULL)
            if done.returncode:
                continue
            subprocess.run([os.path.join(os.path.dirname(sys.executable), "onnxslim"), tidy, slim], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            merged = not open(plain, "rb").read() == open(source, "rb").read()
            have, least = nodes(tidy), nodes(slim) if os.path.exists(slim) else 0
            try:
                once = outputs(plain)
                same = alike(once, outputs(tidy))
                said = "same bits" if same else "DIFFER"
                if not same and not alike(once, outputs(plain)):
                    same, least, said = True, 0, "random"
            except Exception as x:
                same, said = True, "not run: " + str(x).splitlines()[0][:40]
            failed = failed or merged and (not same or 0 < least * 1.02 < have)
            print(f"| {name} | {nodes(source)} | {nodes(plain)} | {have} | {least or '-'} | {said if merged else 'nothing merged'} |", flush=True)
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
