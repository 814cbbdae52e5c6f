"""Fresh exports of other people's networks: is anything left beside a layer, slower or wrong?

usage: exports.py REPMLP OUT [--only TEXT] [--size PIXELS] [--seconds S] [--list] [--no-time]

Makes networks of torchvision, timm, segmentation_models_pytorch and transformers without downloads, gives their BatchNormalizations random
statistics, exports them in training form (legacy and dynamo exporter), converts them with REPMLP and looks at the result:
  - every BatchNormalization that stays is named in `declined` or `left`;
  - none stays that onnxslim, onnxsim or ONNX Runtime's optimiser (`extended`) takes away;
  - outputs in ONNX Runtime are those of the original, measured against its own noise (inputs moved by one part in 2^23);
  - no paired 95 % interval of original / converted at batch 1 lies wholly below 0.98.
Writes OUT/exports.md and the models into OUT; exits with 1 where one of these does not hold. A network that an exporter cannot export is
listed as such and does not count. Needs the packages of requirements.txt with PyTorch, and those named above.
"""
import sys

if __name__ == "__main__" and len(sys.argv) < 3:
    raise SystemExit(__doc__)

import argparse, collections, json, os, subprocess, time, warnings
import numpy as np, onnx, onnxruntime, torch
from paired import measure

warnings.filterwarnings("ignore")
LIMIT = 0.98
NOISE = 200  # how many times the original's own noise a difference may be


def torchvision_nets():
    import torchvision
    names = ["alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet", "inception_v3", "mnasnet0_5", "mobilenet_v2",
             "mobilenet_v3_small", "mobilenet_v3_large", "regnet_x_400mf", "regnet_y_400mf", "resnet18", "resnet50", "resnext50_32x4d", "shufflenet_v2_x0_5",
             "shufflenet_v2_x1_0", "squeezenet1_1", "swin_t", "vgg11_bn", "vit_b_32", "wide_resnet50_2", "maxvit_t"]
    for name in names:
        size = {"inception_v3": 299, "maxvit_t": 224, "vit_b_32": 224}.get(name)
        yield "torchvision." + name, lambda name=name: torchvision.models.get_model(name, weights=None), size
    for name in ["deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large", "fcn_resnet50"]:
        yield "torchvision." + name, lambda name=name: First(torchvision.models.get_model(name, weights=None, weights_backbone=None), "out"), None
    for name in ["ssdlite320_mobilenet_v3_large"]:
        yield "torchvision." + name + ".backbone", lambda name=name: First(torchvision.models.get_model(name, weights=None, weights_backbone=None).backbone, "0"), 320
    yield "torchvision.retinanet_resnet50_fpn.backbone", lambda: First(torchvision.models.get_model("retinanet_resnet50_fpn", weights=None, weights_backbone=None).backbone, "0"), None
    for name in ["r3d_18", "r2plus1d_18", "mc3_18"]:
        yield "torchvision." + name, lambda name=name: torchvision.models.get_model(name, weights=None), "video"


def timm_nets():
    import timm
    names = ["repvgg_a0", "mobileone_s0", "mobileone_s1", "fastvit_t8", "repghostnet_050", "repvit_m0_9", "ghostnet_050", "res2net50_26w_4s", "resnest14d", "dla34", "hardcorenas_a",
             "hrnet_w18_small", "levit_128s", "mixnet_s", "mobilevit_xxs", "mobilevitv2_050", "nf_resnet26", "pvt_v2_b0", "rexnet_100", "selecsls42", "semnasnet_075", "skresnet18",
             "tf_efficientnet_b0", "tf_mobilenetv3_small_075", "vovnet39a", "xception41", "cspresnet50", "cspdarknet53", "darknet53", "edgenext_xx_small", "gernet_s", "lcnet_050",
             "mobilenetv4_conv_small", "poolformer_s12", "inception_next_atto", "convmixer_768_32", "resmlp_12_224", "gmixer_24_224", "starnet_s1", "efficientformer_l1", "efficientvit_b0",
             "tinynet_e", "fbnetc_100", "dpn48b", "ese_vovnet19b_dw", "legacy_seresnet18", "volo_d1_224", "coatnet_0_rw_224", "test_resnet", "hgnet_tiny", "hgnetv2_b0"]
    known = set(timm.list_models())
    for name in names:
        if name in known:
            yield "timm." + name, lambda name=name: timm.create_model(name, pretrained=False), {"levit_128s": 224, "resmlp_12_224": 224, "gmixer_24_224": 224, "volo_d1_224": 224, "coatnet_0_rw_224": 224, "efficientformer_l1": 224}.get(name)


def segmentation_nets():
    import segmentation_models_pytorch as smp
    for arch, encoder in [("Unet", "resnet18"), ("UnetPlusPlus", "mobilenet_v2"), ("FPN", "resnet18"), ("Linknet", "resnet18"), ("MAnet", "mobilenet_v2"), ("PSPNet", "resnet18"),
                          ("PAN", "resnet18"), ("DeepLabV3Plus", "mobilenet_v2"), ("UPerNet", "resnet18"), ("Segformer", "resnet18")]:
        if hasattr(smp, arch):
            yield f"smp.{arch}.{encoder}", lambda arch=arch, encoder=encoder: getattr(smp, arch)(encoder, encoder_weights=None), None


def transformer_nets():
    import transformers as tr
    small = {"ResNet": dict(), "RegNet": dict(), "MobileNetV1": dict(), "MobileNetV2": dict(), "EfficientNet": dict(width_coefficient=0.5, depth_coefficient=0.5), "LevitV": dict(), "PoolFormer": dict(),
             "ConvNextV2": dict(), "MobileViT": dict(), "Segformer": dict(), "CvtV": dict(), "SwiftFormer": dict()}
    for name, options in small.items():
        name = {"LevitV": "Levit", "CvtV": "Cvt"}.get(name, name)
        config, model = getattr(tr, name + "Config", None), getattr(tr, name + "ForImageClassification", None)
        if config and model:
            yield "transformers." + name, lambda config=config, model=model, options=options: First(model(config(**options)), "logits"), 224


class First(torch.nn.Module):
    """one of several outputs"""

    def __init__(self, inner, key):
        super().__init__()
        self.inner, self.key = inner, key

    def forward(self, x):
        return self.inner(x)[self.key]


def randomise(model, seed):
    g = torch.Generator().manual_seed(seed)
    for m in model.modules():
        if isinstance(m, torch.nn.modules.batchnorm._BatchNorm) and m.running_var is not None:
            n = m.running_var.numel()
            m.running_mean.copy_(0.2 * torch.randn(n, generator=g))
            m.running_var.copy_(0.5 + torch.rand(n, generator=g))
            if m.weight is not None:
                with torch.no_grad():
                    m.weight.copy_(0.5 + torch.rand(n, generator=g))
                    m.bias.copy_(0.1 * torch.randn(n, generator=g))


def export(model, x, path, dynamo):
    if dynamo:
        torch.onnx.export(model, (x,), path, input_names=["x"], output_names=["y"], dynamo=True, optimize=False, external_data=False, verbose=False)
    else:
        torch.onnx.export(model, (x,), path, input_names=["x"], output_names=["y"], dynamo=False, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
                          opset_version=17, dynamic_axes={"x": {0: "N"}})


def norms(path):
    m = onnx.load(path, load_external_data=False)
    return [n.name or n.output[0] for n in m.graph.node if n.op_type == "BatchNormalization"]


def peers(path, out):
    """how many BatchNormalizations others leave, by tool; -1 where one fails"""
    left = {}
    bin = os.path.dirname(sys.executable)
    for tool in ["onnxslim", "onnxsim"]:
        to = f"{out}.{tool}.onnx"
        try:
            ok = subprocess.run([os.path.join(bin, tool), path, to], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300).returncode == 0
        except subprocess.TimeoutExpired:
            ok = False
        left[tool] = len(norms(to)) if ok else -1
        if os.path.exists(to):
            os.remove(to)
    to = f"{out}.ort.onnx"
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath, options.log_severity_level = to, 3
    onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    left["ort"] = len(norms(to))
    os.remove(to)
    return left


def outputs(path, feed):
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.graph_optimization_level = 3, onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]).run(None, {"x": feed})


def difference(a, b):
    return max(float(np.max(np.abs(x - y))) / max(float(np.max(np.abs(x))), 1e-30) for x, y in zip(a, b))


def judge(repmlp, name, path, shape, args):
    out = path[:-len(".onnx")] + ".converted.onnx"
    begin = time.monotonic()
    p = subprocess.run([repmlp, "convert", "--json", "-q", "--no-progress", path, "-o", out], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    row = {"name": name, "seconds": time.monotonic() - begin, "faults": []}
    if p.returncode:
        row["faults"].append(f"exit {p.returncode}: {p.stderr.strip().splitlines()[0] if p.stderr.strip() else ''}")
        return row
    report = json.loads(p.stdout)
    row["verdict"], before, after = report["verdict"], norms(path), norms(out)
    row["norms"] = f"{len(before)} → {len(after)}"
    named = {n for d in (report.get("declined") or []) + (report.get("left") or []) for n in [d.get("node")] + (d.get("nodes") or [])}
    row["declined"] = collections.Counter(d["code"] for d in report.get("declined") or [])
    row["left"] = collections.Counter(d["code"] for d in report.get("left") or [])
    silent = [n for n in after if n not in named]
    if silent:
        row["faults"].append(f"{len(silent)} left without a word: {silent[0]}")
    row["peers"] = peers(path, out)
    for tool, n in row["peers"].items():
        if 0 <= n < len(after):
            row["faults"].append(f"{tool} leaves {n}")
    rng = np.random.default_rng(1)
    feed = rng.normal(size=shape).astype(np.float32)
    want = outputs(path, feed)
    noise = difference(want, outputs(path, feed * np.float32(1 + 2.0 ** -23)))
    row["difference"], row["noise"] = difference(want, outputs(out, feed)), noise
    if row["difference"] > NOISE * max(noise, 2.0 ** -24):
        row["faults"].append(f"differs by {row['difference']:.1e}, noise {noise:.1e}")
    if not args.no_time and row["verdict"] in ("fused", "partial"):
        _, ratio, _ = measure([path, out], 2, feed, args.seconds, LIMIT)
        row["ratio"] = ratio
        if ratio[2] < LIMIT:
            row["faults"].append(f"slower: {ratio[0]:.2f} ({ratio[1]:.2f} to {ratio[2]:.2f})")
    return row


def line(r):
    counted = lambda c: ", ".join(f"{k} {v}" for k, v in sorted(c.items())) or "–"
    ratio = "{:.2f} ({:.2f} to {:.2f})".format(*r["ratio"]) if "ratio" in r else "–"
    if "verdict" not in r:
        return f"| {r['name']} | – | – | – | – | – | – | – | {'; '.join(r['faults'])} |"
    return (f"| {r['name']} | {r['verdict']} | {r['norms']} | {' / '.join(str(r['peers'][t]) for t in ('onnxslim', 'onnxsim', 'ort'))} | {counted(r['declined'])} | {counted(r['left'])} | "
            f"{r['difference']:.0e} / {r['noise']:.0e} | {ratio} | {'; '.join(r['faults']) or '–'} |")


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("repmlp")
    p.add_argument("out")
    p.add_argument("--only", default="")
    p.add_argument("--size", type=int, default=128)
    p.add_argument("--seconds", type=float, default=2)
    p.add_argument("--no-time", action="store_true")
    p.add_argument("--list", action="store_true")
    p.add_argument("--dynamo", type=int, default=4, help="one network of so many is exported by the dynamo exporter too")
    args = p.parse_args()
    os.makedirs(args.out, exist_ok=True)
    torch.set_num_threads(os.cpu_count())
    nets = [n for make in (torchvision_nets, timm_nets, segmentation_nets, transformer_nets) for n in make()]
    head = "| network | verdict | BatchNormalizations | left by onnxslim / onnxsim / ONNX Runtime | declined | left | difference / noise | original / converted (95 %) | faults |\n|" + "---|" * 9 + "\n"
    rows, failed = [], []
    for i, (name, make, size) in enumerate(nets):
        for dynamo in [False] + [True] * (i % args.dynamo == 0):
            full = name + (".dynamo" if dynamo else "")
            if args.only not in full:
                continue
            if args.list:
                print(full)
                continue
            shape = [1, 3, 8, 56, 56] if size == "video" else [1, 3, size or args.size, size or args.size]
            path = os.path.join(args.out, full + ".onnx")
            try:
                if not os.path.exists(path):
                    torch.manual_seed(i)
                    model = make().eval()
                    randomise(model, i)
                    export(model, torch.randn(shape), path, dynamo)
                    del model
                outputs(path, np.zeros(shape, np.float32))
            except Exception as e:  # an exporter's or runtime's own limit
                failed.append(f"{full}: {type(e).__name__}: {str(e).splitlines()[0][:100] if str(e) else ''}")
                print(f"not exported: {failed[-1]}", file=sys.stderr, flush=True)
                continue
            rows.append(judge(os.path.abspath(args.repmlp), full, path, shape, args))
            print(line(rows[-1]), flush=True)
    faults = [r for r in rows if r["faults"]]
    ratios = [r["ratio"][0] for r in rows if "ratio" in r]
    end = f"\n{len(rows)} exports, {len(faults)} with faults, {len(failed)} not exported; torch {torch.__version__}, ONNX Runtime {onnxruntime.__version__}"
    if ratios:
        end += f"; original / converted: least {min(ratios):.2f}, median {np.median(ratios):.2f}, greatest {max(ratios):.2f}"
    with open(os.path.join(args.out, "exports.md"), "w") as f:
        f.write(head + "\n".join(map(line, rows)) + "\n" + end + "\n" + "".join(f"\nnot exported: {x}" for x in failed))
    print(end)
    raise SystemExit(1 if faults else 0)


main()
