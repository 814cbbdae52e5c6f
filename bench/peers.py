"""Time and peak memory of converters side by side, one process each, on the same files.

usage: peers.py REPMLP FOLDER [RUNS]

FOLDER holds filled networks (go run ./internal/cmd/fillnet NAME FOLDER/NAME.onnx). Needs onnxsim and onnxslim in this Python.
Prints a Markdown table: the median of the seconds, the largest peak memory. `cp+sync` copies the file and syncs the copy,
as repmlp does; the operator counts say what is left in the written file.
"""
import sys

if __name__ == "__main__" and len(sys.argv) < 3:
    raise SystemExit(__doc__)

import os, statistics, subprocess, tempfile, time

OPS = ["Conv", "BatchNormalization", "Add"]


def run(command):
    """seconds and peak memory in MB of one command"""
    start = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=[
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0), (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)])
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed with {status}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def counts(path):
    """in a process of its own: a child's peak memory is at least what its parent holds"""
    code = "import collections, onnx, sys; c = collections.Counter(n.op_type for n in onnx.load(sys.argv[1]).graph.node); " \
           "print(', '.join(f'{op} {c[op]}' for op in sys.argv[2:]))"
    return subprocess.run([sys.executable, "-c", code, path] + OPS, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def main():
    repmlp, folder = os.path.abspath(sys.argv[1]), sys.argv[2]
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    bin = os.path.dirname(sys.executable)
    print("| file | MB | tool | seconds | × cp+sync | peak MB | left |\n|---|---|---|---|---|---|---|")
    for name in sorted(f for f in os.listdir(folder) if f.endswith(".onnx")):
        src = os.path.join(folder, name)
        with tempfile.TemporaryDirectory(dir=folder) as tmp:
            out = os.path.join(tmp, "out.onnx")
            tools = {
                "cp+sync": ["sh", "-c", f"cp '{src}' '{out}' && sync '{out}'"],
                "repmlp convert --no-check": [repmlp, "convert", "-q", "--no-progress", "--no-check", src, "-o", out],
                "repmlp convert": [repmlp, "convert", "-q", "--no-progress", src, "-o", out],
                "onnxslim": [os.path.join(bin, "onnxslim"), src, out],
                "onnxsim": [os.path.join(bin, "onnxsim"), src, out],
            }
            seconds, peak, left = {t: [] for t in tools}, {t: 0 for t in tools}, {}
            for r in range(runs + 1):
                for t, command in tools.items():
                    for f in os.listdir(tmp):
                        os.remove(os.path.join(tmp, f))
                    os.sync()
                    s, m = run(command)
                    if r:  # the first round warms the page cache
                        seconds[t].append(s)
                        peak[t] = max(peak[t], m)
                    left[t] = counts(out)
            base = statistics.median(seconds["cp+sync"])
            for t in tools:
                s = statistics.median(seconds[t])
                print(f"| {name} | {os.path.getsize(src) >> 20} | {t} | {s:.2f} | {s / base:.1f} | {peak[t]:.0f} | {left[t]} |", flush=True)


if __name__ == "__main__":
    main()
