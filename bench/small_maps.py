"""Is a converted model ever slower than the model it came from? Convs on small maps, in ONNX Runtime.

usage: small_maps.py REPMLP OUT [--subset|--full] [--only TEXT] [--threads 1,2] [--batch 1,8] [--networks] [--seconds S]

Builds chains of conv + BatchNormalization, and of three-branch blocks (k×k, 1×1 and identity, each with its BatchNormalization),
dense and depthwise, kernels 1 to 7, maps 1×1 to 8×8; converts them with REPMLP; times original and converted model in turns with
ONNX Runtime's default optimisations. Writes OUT/small_maps.md and the models into OUT; prints the summary, and exits with 1 where a
paired 95 % interval of original / converted lies wholly below 0.97.

--subset takes a minute; --full takes all kernels, maps and channels; --only keeps models whose name holds TEXT; --networks adds
MobileNetV3-small and MNASNet at 64 pixels (small_nets.py). Needs numpy, onnx and onnxruntime. Ratios above 1: converted is faster.

Every pair is two short stretches of runs side by side, in alternating order. A model has several pairs of sessions, because where
the weights lie in memory makes sessions of one model differ by some percent. The interval is that of the median over all pairs, from
order statistics: it supposes no distribution. A model that seems slower is timed again with four times as many sessions and pairs,
and that measurement counts.
"""
import sys

if __name__ == "__main__" and len(sys.argv) < 3:
    raise SystemExit(__doc__)

import argparse, collections, os, subprocess, time
import numpy as np, onnx, onnxruntime
from paired import measure
from small_nets import NETWORKS, Net

LIMIT = 0.97
DEPTH = 4  # blocks in a chain: the cost of a run itself counts less


def chain(block, depthwise, channels, kernel, size):
    n = Net(channels, kernel * 100 + size)
    groups = channels if depthwise else 1
    x = "x"
    for _ in range(DEPTH):
        y = n.norm(n.conv(x, channels, channels, kernel, groups=groups), channels)
        if block == "branches":
            y = n.op("Add", y, n.norm(n.conv(x, channels, channels, 1, groups=groups), channels))
            y = n.op("Add", y, n.norm(x, channels))
        x = n.op("Relu", y)
    return n.model(x, size, [channels, size, size])


def cases(args):
    kernels, maps, widths = [1, 3, 4, 5, 7], [1, 2, 3, 4, 6, 8], [24, 64]
    if args.subset:
        kernels, maps, widths = [3, 5], [1, 2, 4], [24]
    if args.full:
        kernels, maps, widths = range(1, 8), range(1, 9), [3, 5, 8, 16, 24, 64, 256]
    for block in ("conv+BN", "branches"):
        for depthwise in (False, True):
            for k in kernels:
                for m in maps:
                    # both widths in turn, all of them with --full
                    for c in widths if args.full else [widths[(k // 2 + m) % len(widths)]]:
                        name = f"{block} {'depthwise' if depthwise else 'dense'} {c} channels {k}×{k} on {m}×{m}"
                        yield name, c, m, lambda a=(block, depthwise, c, k, m): chain(*a)
    if args.networks:
        for name, build in NETWORKS.items():
            yield f"{name} at 64 px", 3, 64, lambda build=build: build(64)


def ops(path):
    c = collections.Counter(n.op_type for n in onnx.load(path).graph.node)
    del c["Relu"]
    return ", ".join(f"{op} {c[op]}" for op in sorted(c)) if len(c) < 5 else f"{sum(c.values())} nodes"


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("repmlp")
    p.add_argument("out")
    p.add_argument("--subset", action="store_true")
    p.add_argument("--full", action="store_true")
    p.add_argument("--networks", action="store_true")
    p.add_argument("--only", default="")
    p.add_argument("--threads", default="1,2")
    p.add_argument("--batch", default="1,8")
    p.add_argument("--seconds", type=float, default=0.3, help="for one model, batch and number of threads")
    args = p.parse_args()
    os.makedirs(args.out, exist_ok=True)
    rng, rows, slow = np.random.default_rng(0), [], []
    begin = time.monotonic()
    for name, channels, size, build in cases(args):
        if args.only not in name:
            continue
        stem = os.path.join(args.out, name.replace(" ", "_").replace("×", "x").replace("+", "_"))
        paths = [stem + ".onnx", stem + ".converted.onnx"]
        onnx.save(build(), paths[0])
        subprocess.run([os.path.abspath(args.repmlp), "convert", "-q", "--no-progress", paths[0], "-o", paths[1]], check=True)
        for batch in map(int, args.batch.split(",")):
            feed = rng.normal(size=(batch, channels, size, size)).astype(np.float32)
            for threads in map(int, args.threads.split(",")):
                t, ratio, again = measure(paths, threads, feed, args.seconds, LIMIT)
                row = f"| {name} | {batch} | {threads} | {t[0]:.1f} | {t[1]:.1f} | {ratio[0]:.2f} ({ratio[1]:.2f} to {ratio[2]:.2f}){' again' if again else ''} | {ops(paths[1])} |"
                rows.append((name, batch, threads, ratio, row))
                if ratio[2] < LIMIT:
                    slow.append(row)
                if sys.stderr.isatty():
                    print(f"\r{len(rows)} measured, {len(slow)} slower", end="", file=sys.stderr)
    head = "| model | batch | threads | original, µs | converted, µs | original / converted (95 %) | becomes |\n|---|---|---|---|---|---|---|\n"
    with open(os.path.join(args.out, "small_maps.md"), "w") as f:
        f.write(head + "\n".join(r[-1] for r in rows) + "\n")
    summary = collections.defaultdict(list)
    for name, batch, threads, ratio, _ in rows:
        block = name.split(" channels")[0].rsplit(" ", 1)[0] if " channels" in name else name
        summary[block, batch, threads].append(ratio)
    print("| model | batch | threads | models | least | median | greatest | lowest upper end of an interval |\n|---|---|---|---|---|---|---|---|")
    for (block, batch, threads), r in sorted(summary.items()):
        m = [x[0] for x in r]
        print(f"| {block} | {batch} | {threads} | {len(r)} | {min(m):.2f} | {np.median(m):.2f} | {max(m):.2f} | {min(x[2] for x in r):.2f} |")
    print(f"\n{len(rows)} measurements in {time.monotonic() - begin:.0f} s, ONNX Runtime {onnxruntime.__version__}; intervals wholly below {LIMIT}: {len(slow)}")
    if slow:
        print("\n" + head + "\n".join(slow))
        raise SystemExit(1)


main()
