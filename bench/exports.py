"""Fresh exports of other people's networks: is anything left beside a layer, slower or wrong?

usage: exports.py REPMLP OUT [--only TEXT] [--size PIXELS] [--dynamo N] [--resume] [--list]
                  [--no-time | --time-only] [--seconds S] [--threads N] [--table FILE]

Makes the networks of networks.py without downloads, gives their BatchNormalizations random statistics, exports them in training form
(legacy exporter, one in N by the dynamo exporter too), converts them with REPMLP and looks at the result:
  - every BatchNormalization that stays is named in `declined` or `left`;
  - none stays that onnxslim, onnxsim or ONNX Runtime's optimiser (`extended`) takes away from the original;
  - outputs in ONNX Runtime are those of the original, measured against its own noise (inputs moved by one part in 2^23);
  - no paired 95 % interval of original / converted at batch 1 lies wholly below 0.98.
Exports stay in OUT and are used again, and so is what was seen (a .json for each), with which the table of all is written to OUT/exports.md or
FILE. --no-time looks only; --time-only times what a run before looked at, with N threads of ONNX Runtime; --resume looks only at what has
not been looked at. Exits with 1 where one of the above does not hold. A network that an exporter cannot export or ONNX Runtime cannot run is
listed as such and does not count. Needs the packages of requirements.txt with PyTorch and the libraries of networks.py.
"""
import sys

if __name__ == "__main__" and len(sys.argv) < 3:
    raise SystemExit(__doc__)

import argparse, collections, contextlib, importlib.metadata, json, os, platform, subprocess, time, warnings
import numpy as np, onnx, onnxruntime
from paired import measure

warnings.filterwarnings("ignore")
LIMIT = 0.98
NOISE = 200  # how many times the original's own noise a difference may be
PEERS = ["onnxslim", "onnxsim", "onnxruntime"]


def operators(path):
    return onnx.load(path, load_external_data=False).graph.node


def norms(path):
    return [n.name or n.output[0] for n in operators(path) if n.op_type == "BatchNormalization"]


def session(path, threads, level=onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL, to=None):
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.graph_optimization_level, options.intra_op_num_threads = 3, level, threads
    if to:
        options.optimized_model_filepath = to
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def outputs(path, feed, threads):
    return session(path, threads).run(None, {"x": feed})


def difference(a, b):
    if any(x.shape != y.shape or not np.array_equal(np.isfinite(x), np.isfinite(y)) for x, y in zip(a, b)):
        return float("inf")
    return max(float(np.max(np.abs(x - y))) / max(float(np.max(np.abs(x))), 1e-30) for x, y in zip(a, b))


def peers(path, threads):
    """the BatchNormalizations that others leave of the original, by tool; None where one fails"""
    left, to = {}, path + ".peer.onnx"
    for tool in PEERS[:2]:
        try:
            ok = subprocess.run([os.path.join(os.path.dirname(sys.executable), tool), path, to], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300).returncode == 0
        except subprocess.TimeoutExpired:
            ok = False
        left[tool] = norms(to) if ok and os.path.exists(to) else None
        if os.path.exists(to):
            os.remove(to)
    session(path, threads, onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED, to)
    left[PEERS[2]] = norms(to)
    os.remove(to)
    return left


def convert(repmlp, path, out, *more):
    return subprocess.run([repmlp, "convert", "--json", "-q", "--no-progress", *more, path, "-o", out], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def look(repmlp, path, out, feed, threads):
    begin = time.monotonic()
    p = convert(repmlp, path, out, "--no-check")  # the outputs are compared below
    row = {"seconds": time.monotonic() - begin, "faults": []}
    if p.returncode:
        row["faults"].append(f"exit {p.returncode}: {(p.stderr.strip().splitlines() or [''])[0]}")
        return row
    report = json.loads(p.stdout)
    before, after = norms(path), norms(out)
    row["verdict"], row["norms"], row["nodes"] = report["verdict"], [len(before), len(after)], [len(operators(path)), len(operators(out))]
    for part in ("declined", "left"):
        row[part] = collections.Counter(d["code"] for d in report.get(part) or [])
    named = {n for d in (report.get("declined") or []) + (report.get("left") or []) for n in [d.get("node")] + (d.get("nodes") or [])}
    silent = [n for n in after if n not in named]
    if silent:
        row["faults"].append(f"{len(silent)} left without a word: {silent[0]}")
    if after:  # of none nobody leaves fewer
        row["peers"] = {}
        for tool, theirs in peers(path, threads).items():
            row["peers"][tool] = -1 if theirs is None else len(theirs)
            if theirs is None:
                continue
            gone = [n for n in after if n not in theirs] if set(theirs) <= set(before) else after[:max(0, len(after) - len(theirs))]
            row["faults"] += [f"{tool} takes {len(gone)} away that stay: {gone[0]}"] if gone else []
    want = outputs(path, feed, threads)
    row["noise"] = difference(want, outputs(path, feed * np.float32(1 + 2.0 ** -23), threads))
    try:
        row["difference"] = difference(want, outputs(out, feed, threads))
    except Exception as e:
        row["difference"] = float("inf")
        row["faults"].append(f"does not run: {e}")
    if row["difference"] > NOISE * max(row["noise"], 2.0 ** -24):
        row["faults"].append(f"differs by {row['difference']:.1e}, noise {row['noise']:.1e}")
    return row


def faults(row):
    slower = ["slower: {:.2f} ({:.2f} to {:.2f})".format(*r) for r in [row.get("ratio")] if r and r[2] < LIMIT]
    return row["faults"] + slower


def line(name, r):
    if "verdict" not in r:
        return f"| {name} |" + " – |" * 7
    counted = lambda c: ", ".join(f"{k} {v}" for k, v in sorted(c.items())) or "–"
    others = " / ".join(str(r["peers"][t]) if r["peers"][t] >= 0 else "failed" for t in PEERS) if "peers" in r else "–"
    ratio = "{:.2f} ({:.2f} to {:.2f})".format(*r["ratio"]) if "ratio" in r else "–"
    return (f"| {name} | {r['verdict']} | {r['nodes'][0]} → {r['nodes'][1]} | {r['norms'][0]} → {r['norms'][1]} | {others} | {counted(r['declined'])} | {counted(r['left'])} | "
            f"{r['difference']:.0e} / {r['noise']:.0e} | {ratio} |")


def machine():
    model = [l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")] if os.path.exists("/proc/cpuinfo") else [platform.processor()]
    return f"{model[0]}, {os.cpu_count()} processors, {platform.system()} {platform.release()}"


def versions():
    out = [f"Python {platform.python_version()}"]
    for package in ["torch", "torchvision", "timm", "segmentation_models_pytorch", "transformers", "mmpretrain", "onnx", "onnxruntime", "onnxslim", "onnxsim"]:
        try:
            out.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            pass
    return ", ".join(out)


def table(rows, missing, args):
    timed = [r["ratio"] for _, r in rows if "ratio" in r]
    wrong = [(name, f) for name, r in rows for f in faults(r)]
    dynamo = sum(name.endswith(".dynamo") for name, _ in rows)
    size = f" --size {args.size}" if args.size != 128 else ""
    text = "# Fresh exports\n\n"
    text += f"`python bench/exports.py REPMLP OUT{size} --no-time`, then `--time-only --threads {args.threads} --seconds {args.seconds:g}`, on {time.strftime('%Y-%m-%d')}: {machine()}.\n{versions()}.\n\n"
    text += f"{len(rows)} exports of {len({name.removesuffix('.dynamo') for name, _ in rows})} networks, {dynamo} of them by the dynamo exporter; "
    text += f"{sum(r['norms'][0] for _, r in rows if 'norms' in r)} BatchNormalizations became {sum(r['norms'][1] for _, r in rows if 'norms' in r)}; {len(wrong)} faults.\n"
    if timed:
        text += f"Original / converted at batch 1 over {len(timed)} timed pairs: least {min(r[0] for r in timed):.2f}, median {np.median([r[0] for r in timed]):.2f}, greatest {max(r[0] for r in timed):.2f}; "
        text += f"lowest upper end of a 95 % interval {min(r[2] for r in timed):.2f}.\n"
    text += "Others are asked only where a BatchNormalization stays: how many onnxslim, onnxsim and ONNX Runtime (`extended`) leave of the original. What the\nruntime's numbers differ by is relative to the greatest, beside what the original differs by when its inputs are moved by a rounding.\n\n"
    text += "| network | verdict | nodes | BatchNormalizations | onnxslim / onnxsim / ORT | declined | left | difference / noise | original / converted (95 %) |\n|" + "---|" * 9 + "\n"
    text += "".join(line(*r) + "\n" for r in rows)
    text += "".join(f"\nFault: {name}: {f}\n" for name, f in wrong)
    text += "\nNot exported, by the exporter's or the runtime's own limit:\n\n" * bool(missing) + "".join(f"- {name}: {why}\n" for name, why in missing)
    return text, len(wrong)


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("repmlp")
    p.add_argument("out")
    p.add_argument("--only", default="")
    p.add_argument("--size", type=int, default=128)
    p.add_argument("--dynamo", type=int, default=4)
    p.add_argument("--seconds", type=float, default=2)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--table", default="")
    for flag in ("--no-time", "--time-only", "--resume", "--list"):
        p.add_argument(flag, action="store_true")
    args = p.parse_args()
    repmlp = os.path.abspath(args.repmlp)
    os.makedirs(args.out, exist_ok=True)
    import torch, networks
    torch.set_num_threads(args.threads)
    rows, missing = [], []
    for i, (name, make, size) in enumerate(networks.networks()):
        for full in [name] + [name + ".dynamo"] * (i % args.dynamo == 0):
            if args.list:
                print(full)
                continue
            at = os.path.join(args.out, full)
            path, out, seen = at + ".onnx", at + ".converted.onnx", at + ".json"
            shape = networks.shape(size, args.size)
            feed = np.random.default_rng(1).normal(size=shape).astype(np.float32)
            row = json.load(open(seen)) if os.path.exists(seen) else None
            if args.only in full and not args.time_only and not (args.resume and row):
                try:
                    if not os.path.exists(path):
                        with contextlib.redirect_stdout(sys.stderr):
                            networks.export(full, make, shape, path)
                    outputs(path, feed, args.threads)
                except Exception as e:  # an exporter's or runtime's own limit
                    row = {"missing": f"{type(e).__name__}: {(str(e).strip().splitlines() or [''])[0][:160]}"}
                else:
                    row = look(repmlp, path, out, feed, args.threads)
                if os.path.exists(out):
                    os.remove(out)
                print(line(full, row), "; ".join(row.get("faults", [row.get("missing")])), flush=True)
            if row and args.only in full and not args.no_time and row.get("verdict") in ("fused", "partial"):
                if convert(repmlp, path, out, "--no-check").returncode:
                    raise SystemExit(f"{full} was converted before, now it cannot")
                _, row["ratio"], _ = measure([path, out], args.threads, feed, args.seconds, LIMIT)
                os.remove(out)
                print(full, "{:.2f} ({:.2f} to {:.2f})".format(*row["ratio"]), flush=True)
            if row:
                json.dump(row, open(seen, "w"))
                missing.append((full, row["missing"])) if "missing" in row else rows.append((full, row))
    if args.list:
        return
    missing += [(a, "not in this version") for a in networks.absent]
    text, wrong = table(rows, missing, args)
    with open(args.table or os.path.join(args.out, "exports.md"), "w") as f:
        f.write(text)
    print("\n".join(f"fault: {name}: {f}" for name, r in rows for f in faults(r)) or "no faults", f"in {len(rows)} exports, {len(missing)} missing")
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
