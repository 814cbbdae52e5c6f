"""Networks whose last maps are small, as training leaves them: every BatchNormalization is a node of its own.

usage: small_nets.py FOLDER [SIZE]

Writes MobileNetV3-small (Howard et al., 2019) and MNASNet 1.0 (Tan et al., 2019) with random weights for images of SIZE (64)
pixels; small_maps.py takes them from here. Needs numpy and onnx.
"""
import sys

if __name__ == "__main__" and len(sys.argv) < 2:
    raise SystemExit(__doc__)

import os
import numpy as np, onnx
from onnx import helper, numpy_helper


class Net:
    """a graph that grows by one layer at a time; weights keep the size of what flows through"""

    def __init__(self, channels, seed=0):
        self.rng, self.nodes, self.inits, self.at, self.channels = np.random.default_rng(seed), [], [], "x", channels

    def op(self, kind, *inputs, **attributes):
        out = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [out], **attributes))
        return out

    def put(self, values, dtype=np.float32):
        name = f"w{len(self.inits)}"
        self.inits.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def normal(self, *shape):
        return self.put(self.rng.normal(size=shape) * (2 / np.prod(shape[1:])) ** 0.5)

    def conv(self, x, channels, out, kernel, stride=1, groups=1, pads=None, bias=False):
        weights = [self.normal(out, channels // groups, kernel, kernel)]
        if bias:
            weights.append(self.put(self.rng.normal(size=out) / 10))
        before, after = (kernel - 1) // 2, kernel // 2
        return self.op("Conv", x, *weights, kernel_shape=[kernel] * 2, strides=[stride] * 2, group=groups, pads=pads or [before, before, after, after])

    def norm(self, x, channels):
        u = self.rng.uniform
        parts = [u(0.8, 1.2, channels), u(-0.1, 0.1, channels), u(-0.1, 0.1, channels), u(0.8, 1.2, channels)]
        return self.op("BatchNormalization", x, *[self.put(p) for p in parts])

    def model(self, y, size, out):
        self.nodes[-1].output[0] = "y"
        f = helper.make_tensor_value_info
        g = helper.make_graph(self.nodes, "net", [f("x", 1, ["N", self.channels, size, size])], [f("y", 1, ["N"] + out)], self.inits)
        return helper.make_model(g, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def head(n, x, channels, hidden, act):
    x = n.op("Flatten", n.op("GlobalAveragePool", x), axis=1)
    for k, width in enumerate(hidden):
        x = n.op("Gemm", x, n.normal(width, channels), n.put(np.zeros(width)), transB=1)
        if k + 1 < len(hidden):
            x = n.op(act, x)
        channels = width
    return x


def mobilenet_v3_small(size):
    n = Net(3)

    def layer(x, i, o, k, stride=1, groups=1, act=None):
        x = n.norm(n.conv(x, i, o, k, stride, groups), o)
        return n.op(act, x) if act else x

    x, c = layer("x", 3, 16, 3, 2, act="HardSwish"), 16
    relu, hard = "Relu", "HardSwish"
    for k, wide, o, squeeze, act, stride in [(3, 16, 16, 1, relu, 2), (3, 72, 24, 0, relu, 2), (3, 88, 24, 0, relu, 1), (5, 96, 40, 1, hard, 2), (5, 240, 40, 1, hard, 1),
                                             (5, 240, 40, 1, hard, 1), (5, 120, 48, 1, hard, 1), (5, 144, 48, 1, hard, 1), (5, 288, 96, 1, hard, 2), (5, 576, 96, 1, hard, 1),
                                             (5, 576, 96, 1, hard, 1)]:
        y = layer(x, c, wide, 1, act=act) if wide != c else x
        y = layer(y, wide, wide, k, stride, wide, act)
        if squeeze:
            s = max(8, (wide // 4 + 4) // 8 * 8)
            gate = n.op("Relu", n.conv(n.op("GlobalAveragePool", y), wide, s, 1, bias=True))
            gate = n.op("HardSigmoid", n.conv(gate, s, wide, 1, bias=True), alpha=1 / 6, beta=0.5)
            y = n.op("Mul", y, gate)
        y = layer(y, wide, o, 1)
        x, c = n.op("Add", x, y) if stride == 1 and c == o else y, o
    x = layer(x, 96, 576, 1, act=hard)
    return n.model(head(n, x, 576, [1024, 1000], hard), size, [1000])


def mnasnet(size):
    n = Net(3, 1)

    def layer(x, i, o, k, stride=1, groups=1, act=True):
        x = n.norm(n.conv(x, i, o, k, stride, groups), o)
        return n.op("Relu", x) if act else x

    x = layer(layer("x", 3, 32, 3, 2), 32, 32, 3, 1, 32)
    x, c = layer(x, 32, 16, 1, act=False), 16
    for o, k, first, times, repeats in [(24, 3, 2, 3, 3), (40, 5, 2, 3, 3), (80, 5, 2, 6, 3), (96, 3, 1, 6, 2), (192, 5, 2, 6, 4), (320, 3, 1, 6, 1)]:
        for i in range(repeats):
            stride, wide = first if i == 0 else 1, c * times
            y = layer(layer(x, c, wide, 1), wide, wide, k, stride, wide)
            y = layer(y, wide, o, 1, act=False)
            x, c = n.op("Add", x, y) if stride == 1 and c == o else y, o
    return n.model(head(n, layer(x, 320, 1280, 1), 1280, [1000], None), size, [1000])


NETWORKS = {"MobileNetV3-small": mobilenet_v3_small, "MNASNet": mnasnet}

if __name__ == "__main__":
    for name, build in NETWORKS.items():
        onnx.save(build(int((sys.argv + ["64"])[2])), os.path.join(sys.argv[1], name + ".onnx"))
