"""Latency of RepMLP networks in ONNX Runtime: training form, the authors' spelling (grouped 1×1 Conv), the default.

usage: latency.py REPMLP FOLDER [BATCHES] [RUNS] [THREADS]

FOLDER holds filled networks (go run ./internal/cmd/fillnet NAME FOLDER/NAME.onnx). REPMLP is built with cgo and finds ONNX Runtime
(repmlp engines). Every row is one run with all forms interleaved; resnet50, where it is there, runs beside rep50_light.
"""
import sys

if __name__ == "__main__" and len(sys.argv) < 3:
    raise SystemExit(__doc__)

import json, os, subprocess, tempfile


def main():
    repmlp, folder = os.path.abspath(sys.argv[1]), sys.argv[2]
    batches, runs, threads = (sys.argv[3:] + ["1,8,32", "10", "2"][len(sys.argv) - 3:])[:3]
    print("| network | batch | training form, ms | grouped Conv, ms | default, ms | grouped Conv / default | training form / default | resnet50 / default |")
    print("|---|---|---|---|---|---|---|---|")
    for name in sorted(f[:-5] for f in os.listdir(folder) if f.endswith(".onnx")):
        if name == "resnet50":
            continue
        train = os.path.join(folder, name + ".onnx")
        with tempfile.TemporaryDirectory() as tmp:
            conv, auto = os.path.join(tmp, "conv.onnx"), os.path.join(tmp, "auto.onnx")
            for form, out in (("conv", conv), ("auto", auto)):
                subprocess.run([repmlp, "convert", "-q", "--no-check", "--no-progress", "--fc", form, train, "-o", out], check=True)
            files = [auto, conv, train]
            if name == "rep50_light" and os.path.exists(os.path.join(folder, "resnet50.onnx")):
                files.append(os.path.join(folder, "resnet50.onnx"))
            p = subprocess.run([repmlp, "bench", "--engine", "ort", "--json", "--batch", batches, "--runs", runs, "--threads", threads] + files,
                               check=True, stdout=subprocess.PIPE)
        r = json.loads(p.stdout)["results"]
        for i in range(0, len(r), len(files)):
            a, c, t = r[i:i + 3]
            # The ratios are to the first file, which is the default: below one means slower than it.
            times = lambda x: "{:.2f} ({:.2f} to {:.2f})".format(*(1 / x["ratio_to_first"][k] for k in ("value", "high", "low")))
            plain = times(r[i + 3]) if len(files) > 3 else ""
            print(f"| {name} | {a['batch']} | {t['median_ms']:.1f} | {c['median_ms']:.1f} | {a['median_ms']:.1f} | {times(c)} | {times(t)} | {plain} |", flush=True)


main()
