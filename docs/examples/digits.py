"""Trains a small RepMLP on handwritten digits, exports it with both exporters of PyTorch,
converts and verifies the files, and compares how many test images each gets right.

usage: digits.py FOLDER

Needs torch, onnx, onnxscript, onnxruntime, scikit-learn and the wheel of repmlp.
"""
import sys
import time
from pathlib import Path

if len(sys.argv) < 2:
    raise SystemExit(__doc__)

import numpy as np
import onnx
import onnxruntime
import sklearn
import torch
from sklearn.datasets import load_digits
from torch import nn

import repmlp
import repmlp.torch


def conv_bn(inputs: int, outputs: int, kernel: int, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(outputs))


class RepMLP(nn.Module):
    """A block of the paper: global, partition and local perceptron on tiles of h by w."""

    def __init__(self, channels: int, h: int = 4, w: int = 4, groups: int = 2):
        super().__init__()
        self.c, self.h, self.w, n = channels, h, w, channels * h * w
        self.pool_bn = nn.BatchNorm2d(channels)
        self.reduce, self.expand = nn.Linear(4 * channels, 2 * channels), nn.Linear(2 * channels, 4 * channels)  # 4 tiles a map
        self.fc3, self.fc3_bn = nn.Conv2d(n, n, 1, groups=groups, bias=False), nn.BatchNorm1d(n)
        self.local = nn.ModuleList(conv_bn(channels, channels, k, groups) for k in (1, 3))

    def forward(self, x):
        c, h, w = self.c, self.h, self.w
        rows, columns = x.shape[2] // h, x.shape[3] // w
        v = self.pool_bn(nn.functional.avg_pool2d(x, (h, w))).reshape(-1, c * rows * columns)
        v = self.expand(torch.relu(self.reduce(v))).reshape(-1, c, rows, 1, columns, 1)
        x = x.reshape(-1, c, rows, h, columns, w) + v
        tiles = x.permute(0, 2, 4, 1, 3, 5).reshape(-1, c, h, w)
        y = self.fc3_bn(self.fc3(tiles.reshape(-1, c * h * w, 1, 1)).reshape(-1, c * h * w)).reshape(-1, c, h, w)
        for branch in self.local:
            y = y + branch(tiles)
        y = y.reshape(-1, rows, columns, c, h, w).permute(0, 3, 1, 4, 2, 5)
        return y.reshape(-1, c, rows * h, columns * w)


class Classifier(nn.Module):
    def __init__(self, channels: int = 8):
        super().__init__()
        self.stem, self.b1, self.b2 = conv_bn(1, channels, 3), RepMLP(channels), RepMLP(channels)
        self.head = nn.Linear(channels * 64, 10)

    def forward(self, image):
        x = torch.relu(self.stem(image))
        x = torch.relu(self.b1(x))
        x = torch.relu(x + self.b2(x))
        return self.head(x.flatten(1))


def train(images: torch.Tensor, labels: torch.Tensor, epochs: int = 20) -> nn.Module:
    model = Classifier().train()
    steps = epochs * (len(images) // 64)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(64):
            if len(batch) < 64:
                continue
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(images[batch]), labels[batch], label_smoothing=0.1).backward()
            optimiser.step()
            schedule.step()
    return model.eval()


def right(path: Path, images: np.ndarray, labels: np.ndarray) -> str:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    scores = session.run(None, {session.get_inputs()[0].name: images})[0]
    n = int((scores.argmax(1) == labels).sum())
    return f"{n} of {len(labels)} right ({n / len(labels):.2%})"


def main(folder: Path) -> None:
    began = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    print(f"torch {torch.__version__}, onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}, scikit-learn {sklearn.__version__}")
    torch.manual_seed(1)
    torch.set_num_threads(1)
    digits = load_digits()
    x, y = (digits.images[:, None] / 16).astype(np.float32), digits.target
    order = np.random.default_rng(0).permutation(len(y))
    x, y = x[order], y[order]
    test_x, test_y = x[-450:], y[-450:]
    np.save(folder / "images.npy", test_x)
    np.save(folder / "labels.npy", test_y)

    model = train(torch.from_numpy(x[:-450]), torch.from_numpy(y[:-450]))
    with torch.no_grad():
        n = int((model(torch.from_numpy(test_x)).argmax(1).numpy() == test_y).sum())
    print(f"trained: {n} of {len(test_y)} right ({n / len(test_y):.2%})")

    for exporter in ("legacy", "dynamo"):
        before, after = folder / f"{exporter}.onnx", folder / f"{exporter}.deploy.onnx"
        report = repmlp.torch.export(model, torch.from_numpy(test_x[:2]), after, exporter=exporter, keep=before,
                                     input_names=["image"], output_names=["logits"], strict=True)
        print(f"{exporter}: {report.verdict}, {report.input.nodes} -> {report.output.nodes} nodes, "
              f"{report.input.parameters:,} -> {report.output.parameters:,} parameters")
        repmlp.verify(before, after, inputs={"image": test_x})  # raises where they are not equivalent
        print(f"  exported:  {right(before, test_x, test_y)}\n  converted: {right(after, test_x, test_y)}")
    print(f"{time.monotonic() - began:.0f} seconds")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
