"""Paired timings of two models in ONNX Runtime, with an interval that supposes no distribution.

usage: paired.py ORIGINAL CONVERTED SHAPE [SECONDS]

Both models have one float input x of SHAPE, such as 1x3x224x224, and an output y. Prints the median of original / converted and
its 95 % interval. small_maps.py and exports.py time with it.
"""
import sys

if __name__ == "__main__" and len(sys.argv) < 4:
    raise SystemExit(__doc__)

import math, time
import numpy as np, onnxruntime


def session(path, threads, feed):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    # Waiting threads of one session would take the processor from the other.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    s = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    b = s.io_binding()
    b.bind_ortvalue_input("x", onnxruntime.OrtValue.ortvalue_from_numpy(feed))
    b.bind_output("y")
    return lambda: s.run_with_iobinding(b)


def stretch(run, n):
    begin = time.perf_counter()
    for _ in range(n):
        run()
    return (time.perf_counter() - begin) / n


def pairs(paths, threads, feed, seconds, sessions):
    """times of both models in pairs, from several pairs of sessions"""
    out = []
    for r in range(sessions):
        order = [0, 1] if r % 2 == 0 else [1, 0]
        runs = [None, None]
        for i in order:
            runs[i] = session(paths[i], threads, feed)
        for run in runs:
            stretch(run, 3)
        one = max(min(stretch(run, 3) for run in runs), 1e-6)
        n = max(1, int(150e-6 / one))
        end, k, least = time.perf_counter() + seconds / sessions, 0, max(8, 24 // sessions)
        while k < least or time.perf_counter() < end:
            t = [0, 0]
            for i in [0, 1] if k % 2 == 0 else [1, 0]:
                t[i] = stretch(runs[i], n)
            out.append(t)
            k += 1
    return np.array(out)


def interval(ratios):
    """the median, and its 95 % interval from order statistics"""
    v = np.sort(ratios)
    n = len(v)
    k = max(0, int(math.floor(n / 2 - 0.98 * math.sqrt(n))) - 1)
    return float(np.median(v)), float(v[k]), float(v[n - 1 - k])


def measure(paths, threads, feed, seconds, limit):
    """median times, the ratio with its interval, and whether it seemed slower and was timed again, longer"""
    t = pairs(paths, threads, feed, seconds, 3)
    ratio = interval(t[:, 0] / t[:, 1])
    again = ratio[2] < limit
    if again:
        t = pairs(paths, threads, feed, 4 * seconds, 12)
        ratio = interval(t[:, 0] / t[:, 1])
    return np.median(t, axis=0) * 1e6, ratio, again


if __name__ == "__main__":
    feed = np.random.default_rng(0).normal(size=[int(n) for n in sys.argv[3].split("x")]).astype(np.float32)
    t = pairs(sys.argv[1:3], 2, feed, float(sys.argv[4]) if len(sys.argv) > 4 else 5, 6)
    print("{:.3f} ({:.3f} to {:.3f})".format(*interval(t[:, 0] / t[:, 1])))
