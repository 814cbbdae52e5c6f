"""Are files that other tools folded proved, and is one wrong weight in each refused?

usage: proofs.py REPMLP FOLDER [NAMES ...] [--tools onnxslim,onnxsim,ort] [--off NUMBER]

FOLDER holds models: NAME.onnx, or NAME/model.onnx as testdata/cases does. Each is folded by onnxslim, onnxsim and ONNX Runtime's basic
optimisations. `repmlp prove` has to accept what they wrote, and to refuse it with one coefficient of one new
weight moved by NUMBER times itself (default 0.001). Needs onnx, onnxruntime, onnxsim and onnxslim in this Python. Prints a Markdown table: pieces
that differ, those that are not linear, the roundings that were found, and what became of the planted error. Exits with 1 where a file is not
proved, or an error not found. What a tool refuses, or leaves as it was, is not counted.
"""
import sys

if __name__ == "__main__" and len(sys.argv) < 3:
    raise SystemExit(__doc__)

import argparse, glob, json, os, subprocess, tempfile
import numpy as np, onnx
from onnx import numpy_helper

FOLD = {
    "onnxslim": "import onnxslim\ndef fold(a, b): onnx.save(onnxslim.slim(onnx.load(a)), b)",
    "onnxsim": "import onnxsim\ndef fold(a, b): onnx.save(onnxsim.simplify(onnx.load(a))[0], b)",
    "ort": """import onnxruntime as o
def fold(a, b):
    s = o.SessionOptions()
    s.graph_optimization_level, s.optimized_model_filepath, s.log_severity_level = o.GraphOptimizationLevel.ORT_ENABLE_BASIC, b, 4
    o.InferenceSession(a, s, providers=["CPUExecutionProvider"])
""",
}
# Reads pairs of names, folds the first into the second, and goes on where a tool fails.
EACH = """
import sys, onnx
exec(sys.argv[1])
for line in sys.stdin:
    a, b = line.rstrip().split("\t")
    try:
        fold(a, b)
    except Exception:
        pass
"""


def fold(tool, pairs):
    """Folds all models; a tool that ends its process goes on behind the model that it ended at."""
    while pairs:
        before = sum(os.path.exists(b) for _, b in pairs)
        p = subprocess.run([sys.executable, "-c", EACH, FOLD[tool]], input="".join(f"{a}\t{b}\n" for a, b in pairs), text=True, capture_output=True)
        if p.returncode == 0:
            return
        pairs = pairs[sum(os.path.exists(b) for _, b in pairs) - before + 1:]


def prove(repmlp, original, folded):
    p = subprocess.run([repmlp, "prove", original, folded, "--json", "--no-progress"], capture_output=True, text=True, timeout=1800)
    try:
        return p.returncode, json.loads(p.stdout)
    except ValueError:
        return p.returncode, {"error": {"message": p.stderr.strip()}}


def plant(original, folded, to, off):
    """Moves one coefficient of a float weight that the original does not have; the name, or None."""
    have = {t.raw_data or numpy_helper.to_array(t).tobytes() for t in onnx.load(original).graph.initializer}
    m = onnx.load(folded)
    read = {n.input[1] for n in m.graph.node if n.op_type in ("Conv", "ConvTranspose", "Gemm", "MatMul")}
    new = [t for t in m.graph.initializer if t.name in read and t.data_type in (1, 10, 11, 16) and (t.raw_data or numpy_helper.to_array(t).tobytes()) not in have]
    if not new:
        return None
    rng = np.random.default_rng(len(new))
    t = new[rng.integers(len(new))]
    a = np.array(numpy_helper.to_array(t))
    flat = a.reshape(-1)
    at = rng.integers(flat.size)
    if flat[at] == 0:
        at = int(np.argmax(np.abs(flat)))
    flat[at] *= 1 + off
    t.CopyFrom(numpy_helper.from_array(a, t.name))
    onnx.save(m, to)
    return t.name


def main():
    p = argparse.ArgumentParser()
    p.add_argument("repmlp"), p.add_argument("folder"), p.add_argument("names", nargs="*")
    p.add_argument("--tools", default=",".join(FOLD)), p.add_argument("--off", type=float, default=0.001)
    o = p.parse_args()
    repmlp, bad, accepted, refused = os.path.abspath(o.repmlp), 0, 0, 0
    print("| model | folded by | proved | pieces | not linear | roundings | planted error |\n|---|---|---|---|---|---|---|")
    sources = {}
    for source in sorted(glob.glob(o.folder + "/*.onnx") + glob.glob(o.folder + "/*/model.onnx")):
        name = os.path.basename(source) if os.path.basename(source) != "model.onnx" else os.path.basename(os.path.dirname(source))
        if not o.names or any(x in name for x in o.names):
            sources[name] = os.path.abspath(source)
    for tool in o.tools.split(","):
        with tempfile.TemporaryDirectory() as t:
            fold(tool, [(source, f"{t}/{i}.onnx") for i, source in enumerate(sources.values())])
            wrong = os.path.join(t, "wrong.onnx")
            for i, (name, source) in enumerate(sources.items()):
                folded = f"{t}/{i}.onnx"
                try:
                    where = plant(source, folded, wrong, o.off)
                except Exception:  # not there, or with data elsewhere
                    where = None
                if where is None:
                    continue
                code, r = prove(repmlp, source, folded)
                pieces = r.get("proving", {}).get("pieces", [])
                curved = sum(not x["linear"] for x in pieces)
                said = r.get("verdict", "failed") if code == 0 else "NO: " + r.get("error", {}).get("message", "")[:300]
                worse, w = prove(repmlp, source, wrong)
                found = "found" if worse == 3 else "NOT FOUND in " + where if worse == 0 else w.get("error", {}).get("message", "")[:80]
                accepted, refused = accepted + (code == 0), refused + (worse == 3)
                bad += (code != 0) + (worse != 3)
                print(f"| {name} | {tool} | {said} | {len(pieces)} | {curved} | {r.get('proving', {}).get('roundings', '-')} | {found} |", flush=True)
    print(f"\n{accepted} accepted, {refused} planted errors refused")
    raise SystemExit(bad > 0)


if __name__ == "__main__":
    main()
