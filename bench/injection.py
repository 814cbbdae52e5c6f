"""RepMLP networks and their conversion in PyTorch, after the two papers: what a user of the authors' code runs.

usage: injection.py NETWORK CHECKPOINT OUT.onnx

Loads the checkpoint, injects, compares one input and exports. Parameters have the names they have in the skeletons.
"""
import sys

if __name__ == "__main__" and len(sys.argv) < 4:
    raise SystemExit(__doc__)

import torch
from torch import nn
from torch.nn import functional as F


class ConvBN(nn.Sequential):
    def __init__(self, c, o, k=1, stride=1, groups=1, pad=None, act=None):
        super().__init__()
        self.conv = nn.Conv2d(c, o, k, stride, k // 2 if pad is None else pad, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(o)
        if act:
            self.act = act()

    def folded(self):
        return fold(self.conv, self.bn)


def fold(conv, bn):
    """Weight and bias of both; a channel of bn may stand for several of conv."""
    scale = bn.weight / (bn.running_var + bn.eps).sqrt()
    bias = bn.bias - bn.running_mean * scale
    times = len(conv.weight) // len(scale)
    return conv.weight * scale.repeat_interleave(times).reshape(-1, 1, 1, 1), bias.repeat_interleave(times)


class RepMLP(nn.Module):
    """Partition and local perceptron on tiles of c channels and side×side points."""

    def __init__(self, c, side, groups, kernels, normed):
        super().__init__()
        self.c, self.side, self.groups, self.kernels, self.normed = c, side, groups, kernels, normed
        self.size = c * side * side
        self.fc3 = nn.Conv2d(self.size, self.size, 1, groups=groups, bias=False)
        self.fc3_bn = nn.BatchNorm2d(normed)
        for k in kernels:
            self.add_module(f"repconv{k}", ConvBN(c, c, k, groups=groups))

    def parts(self, x):
        n, c, h, w = x.shape
        return x.reshape(n, c, h // self.side, self.side, w // self.side, self.side)

    def perceive(self, parts):
        x = parts.permute(0, 2, 4, 1, 3, 5)
        tiles = x.reshape(-1, self.c, self.side, self.side)
        y = self.fc3(tiles.reshape(-1, self.size, 1, 1))
        y = self.fc3_bn(y.reshape(-1, self.normed, self.size // self.normed, 1)).reshape(tiles.shape)
        for k in self.kernels:
            y = y + getattr(self, f"repconv{k}")(tiles)
        y = y.reshape(x.shape).permute(0, 3, 1, 4, 2, 5)
        n, c, rows, h, columns, w = y.shape
        return y.reshape(n, c, rows * h, columns * w)

    def inject(self):
        """W(F,p) = reshape(conv(F, p, reshape(I))), added to FC3 with its BatchNorm."""
        weight, bias = fold(self.fc3, self.fc3_bn)
        widest = max(self.kernels)
        kernel = shift = 0
        for k in self.kernels:
            w, b = getattr(self, f"repconv{k}").folded()
            kernel, shift = kernel + F.pad(w, [(widest - k) // 2] * 4), shift + b
            delattr(self, f"repconv{k}")
        n = self.size // self.groups
        points = torch.eye(n).repeat(1, self.groups).reshape(n, self.c, self.side, self.side)
        local = F.conv2d(points, kernel, padding=widest // 2, groups=self.groups)
        self.fc3 = nn.Conv2d(self.size, self.size, 1, groups=self.groups)
        self.fc3.weight.data = weight + local.reshape(n, self.size).t().reshape_as(weight)
        self.fc3.bias.data = bias + shift.repeat_interleave(self.side ** 2)
        self.fc3_bn, self.kernels = nn.Identity(), []


class Light(RepMLP):
    """RepMLP of the first paper: the global perceptron adds, and has a BatchNorm of its own."""

    def __init__(self, c, height):
        super().__init__(c, 7, 4, [1, 3, 5], c * 49)
        wide = c * (height // 7) ** 2
        self.avg, self.fc1_fc2 = nn.Sequential(), nn.Sequential()
        self.avg.avg, self.avg.bn = nn.AvgPool2d(7), nn.BatchNorm2d(c)
        self.fc1_fc2.fc1, self.fc1_fc2.relu, self.fc1_fc2.fc2 = nn.Linear(wide, wide), nn.ReLU(), nn.Linear(wide, wide)

    def forward(self, x):
        v = self.avg(x)
        n, c, h, w = v.shape
        v = self.fc1_fc2(v.reshape(n, -1)).reshape(n, c, h, 1, w, 1)
        return self.perceive(self.parts(x) + v)

    def inject(self):
        super().inject()
        fc1, bn = self.fc1_fc2.fc1, self.avg.bn
        scale = bn.weight / (bn.running_var + bn.eps).sqrt()
        times = fc1.in_features // len(scale)
        shift = (bn.bias - bn.running_mean * scale).repeat_interleave(times)
        fc1.bias.data = fc1.bias + fc1.weight @ shift
        fc1.weight.data = fc1.weight * scale.repeat_interleave(times)
        self.avg.bn = nn.Identity()


class Bottleneck(nn.Module):
    def __init__(self, c, o, stride, height):
        super().__init__()
        if height:
            self.light_conv1 = ConvBN(c, o // 8, act=nn.ReLU)
            self.light_repmlp, self.repmlp_nonlinear = Light(o // 8, height), nn.ReLU()
            self.light_conv3 = ConvBN(o // 8, o)
        else:
            self.conv1 = ConvBN(c, o // 4, act=nn.ReLU)
            self.conv2 = ConvBN(o // 4, o // 4, 3, stride, act=nn.ReLU)
            self.conv3 = ConvBN(o // 4, o)
        self.shortcut = ConvBN(c, o, stride=stride) if c != o else nn.Identity()
        self.convs = [n for n, _ in self.named_children() if n != "shortcut"]

    def forward(self, x):
        y = x
        for n in self.convs:
            y = getattr(self, n)(y)
        return F.relu(y + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stage0 = nn.Sequential(ConvBN(3, 64, 7, 2, act=nn.ReLU), nn.MaxPool2d(3, 2, 1))
        c = 64
        for i, (o, depth, height) in enumerate([(256, 3, 0), (512, 4, 28), (1024, 6, 14), (2048, 3, 0)]):
            blocks = []
            for b in range(depth):
                blocks.append(Bottleneck(c, o, 2 if b == 0 and i else 1, height if b else 0))
                c = o
            self.add_module(f"stage{i + 1}", nn.Sequential(*blocks))
        self.linear = nn.Linear(2048, 1000)

    def forward(self, x):
        for i in range(5):
            x = getattr(self, f"stage{i}")(x)
        return self.linear(F.adaptive_avg_pool2d(x, 1).flatten(1))


class Shared(RepMLP):
    """RepMLP block of RepMLPNet: share sets, and a global perceptron that multiplies."""

    def __init__(self, channels, side, sets):
        super().__init__(sets, side, sets, [1, 3], sets)
        self.gp = nn.Sequential()
        self.gp.fc1, self.gp.relu = nn.Conv2d(channels, channels // 4, 1), nn.ReLU()
        self.gp.fc2, self.gp.sigmoid = nn.Conv2d(channels // 4, channels, 1), nn.Sigmoid()

    def forward(self, x):
        return self.perceive(self.parts(x)) * self.gp(F.adaptive_avg_pool2d(x, 1))


class Unit(nn.Module):
    def __init__(self, c, side, sets):
        super().__init__()
        self.repmlp_block, self.ffn_block = Shared(c, side, sets), nn.Sequential()
        self.ffn_block.ffn_fc1, self.ffn_block.act = ConvBN(c, 4 * c), nn.GELU()
        self.ffn_block.ffn_fc2 = ConvBN(4 * c, c)
        self.prebn1, self.prebn2 = nn.BatchNorm2d(c), nn.BatchNorm2d(c)

    def forward(self, x):
        x = x + self.repmlp_block(self.prebn1(x))
        return x + self.ffn_block(self.prebn2(x))


class RepMLPNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_embedding = ConvBN(3, 96, 4, 4, pad=0, act=nn.ReLU)
        self.stages, self.embeds = nn.ModuleList(), nn.ModuleList()
        for i, (depth, sets) in enumerate([(2, 1), (2, 4), (12, 32), (2, 128)]):
            c = 96 << i
            if i:
                self.embeds.append(ConvBN(c // 2, c, 2, 2, pad=0, act=nn.ReLU))
            self.stages.append(nn.ModuleList(Unit(c, 56 >> i, sets) for _ in range(depth)))
        self.head_norm, self.head = nn.BatchNorm2d(768), nn.Linear(768, 1000)

    def forward(self, x):
        x = self.conv_embedding(x)
        for i, stage in enumerate(self.stages):
            if i:
                x = self.embeds[i - 1](x)
            for unit in stage:
                x = unit(x)
        return self.head(F.adaptive_avg_pool2d(self.head_norm(x), 1).flatten(1))


NETWORKS = {"rep50_light": ResNet, "repmlpnet_b224": RepMLPNet}


def main():
    name, checkpoint, out = sys.argv[1:]
    torch.set_grad_enabled(False)
    model = NETWORKS[name]().eval()
    model.load_state_dict(torch.load(checkpoint))
    x = torch.randn(1, 3, 224, 224)
    before = model(x)
    for m in list(model.modules()):
        if hasattr(m, "inject"):
            m.inject()
    print("sum of squared differences:", float(((model(x) - before) ** 2).sum()))
    torch.onnx.export(model, x, out, input_names=["input"], output_names=["output"], dynamo=False)


if __name__ == "__main__":
    main()
