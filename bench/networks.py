"""Networks of other people's libraries, built without downloads and exported in training form: what exports.py looks at.

usage: networks.py NAME FILE [PIXELS]

Exports the network NAME, as `exports.py REPMLP OUT --list` prints it, to FILE: by the dynamo exporter where it ends in .dynamo, else by the
legacy one. Its BatchNormalizations get random statistics. Each network has one input x and one output y.
"""
import sys

if __name__ == "__main__" and len(sys.argv) < 3:
    raise SystemExit(__doc__)

import zlib
import torch

absent = []  # what this machine's libraries do not have


def torchvision_nets():
    import torchvision
    models = torchvision.models
    names = ["alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet", "inception_v3", "mnasnet0_5", "mobilenet_v2",
             "mobilenet_v3_small", "mobilenet_v3_large", "regnet_x_400mf", "regnet_y_400mf", "resnet18", "resnet50", "resnext50_32x4d", "shufflenet_v2_x0_5",
             "shufflenet_v2_x1_0", "squeezenet1_1", "swin_t", "vgg11_bn", "vit_b_32", "wide_resnet50_2", "maxvit_t"]
    for name in names:
        yield "torchvision." + name, lambda name=name: models.get_model(name, weights=None), {"inception_v3": 299, "alexnet": 224, "vgg11_bn": 224, "maxvit_t": 224, "vit_b_32": 224}.get(name)
    for name in ["deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large", "fcn_resnet50"]:
        yield "torchvision." + name, lambda name=name: First(models.get_model(name, weights=None, weights_backbone=None), "out"), None
    for name in ["r3d_18", "r2plus1d_18", "mc3_18"]:
        yield "torchvision." + name, lambda name=name: models.get_model(name, weights=None), "video"
    detector = lambda name: models.get_model(name, weights=None, weights_backbone=None)
    for name, size in [("ssdlite320_mobilenet_v3_large", 320), ("ssd300_vgg16", 300), ("retinanet_resnet50_fpn", None), ("retinanet_resnet50_fpn_v2", None), ("fcos_resnet50_fpn", None)]:
        yield f"torchvision.{name}.heads", lambda name=name: Heads(detector(name)), size
    for name, size in [("fasterrcnn_mobilenet_v3_large_fpn", 224), ("keypointrcnn_resnet50_fpn", None), ("maskrcnn_resnet50_fpn_v2", None)]:
        yield f"torchvision.{name}.heads", lambda name=name: Proposals(detector(name)), size

    def frozen():
        from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
        return All(resnet_fpn_backbone(backbone_name="resnet50", weights=None, norm_layer=torchvision.ops.FrozenBatchNorm2d))
    yield "torchvision.resnet50_fpn_frozen", frozen, None


def timm_nets():
    import timm
    names = ["repvgg_a0", "mobileone_s0", "mobileone_s1", "fastvit_t8", "repghostnet_050", "repvit_m0_9", "ghostnet_050", "res2net50_26w_4s", "resnest14d", "dla34", "hardcorenas_a",
             "hrnet_w18_small", "levit_128s", "mixnet_s", "mobilevit_xxs", "mobilevitv2_050", "nf_resnet26", "pvt_v2_b0", "rexnet_100", "selecsls42", "semnasnet_075", "skresnet18",
             "tf_efficientnet_b0", "tf_mobilenetv3_small_075", "vovnet39a", "xception41", "cspresnet50", "cspdarknet53", "darknet53", "edgenext_xx_small", "gernet_s", "lcnet_050",
             "mobilenetv4_conv_small", "poolformer_s12", "inception_next_atto", "convmixer_768_32", "resmlp_12_224", "gmixer_24_224", "starnet_s1", "efficientformer_l1", "efficientvit_b0",
             "tinynet_e", "fbnetc_100", "dpn48b", "ese_vovnet19b_dw", "legacy_seresnet18", "volo_d1_224", "coatnet_0_rw_224", "test_resnet", "hgnet_tiny", "hgnetv2_b0"]
    known = set(timm.list_models())
    for name in names:
        size = 224 if name in ("levit_128s", "resmlp_12_224", "gmixer_24_224", "volo_d1_224", "coatnet_0_rw_224", "efficientformer_l1") else None
        if name in known:
            yield "timm." + name, lambda name=name: timm.create_model(name, pretrained=False), size
        else:
            absent.append("timm." + name)


def segmentation_nets():
    import segmentation_models_pytorch as smp
    for arch, encoder in [("Unet", "resnet18"), ("UnetPlusPlus", "mobilenet_v2"), ("FPN", "resnet18"), ("Linknet", "resnet18"), ("MAnet", "mobilenet_v2"), ("PSPNet", "resnet18"),
                          ("PAN", "resnet18"), ("DeepLabV3Plus", "mobilenet_v2"), ("UPerNet", "resnet18"), ("Segformer", "resnet18")]:
        yield f"smp.{arch}.{encoder}", lambda arch=arch, encoder=encoder: getattr(smp, arch)(encoder, encoder_weights=None), {"PSPNet": 96, "UPerNet": 192}.get(arch)


def transformers_nets():
    import transformers
    options = {"EfficientNet": dict(width_coefficient=0.5, depth_coefficient=0.5, hidden_dim=640)}
    for name in ["ResNet", "RegNet", "MobileNetV1", "MobileNetV2", "EfficientNet", "Levit", "PoolFormer", "ConvNextV2", "MobileViT", "Segformer", "Cvt", "SwiftFormer"]:
        config, model = getattr(transformers, name + "Config", None), getattr(transformers, name + "ForImageClassification", None)
        if config and model:
            yield "transformers." + name, lambda config=config, model=model, name=name: First(awake(model(config(**options.get(name, {})))), "logits"), 224
        else:
            absent.append("transformers." + name)


def awake(model):
    """the model with weights of which the output depends: theirs are drawn so small that nothing arrives"""
    g = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for m in model.modules():
            if isinstance(m, (torch.nn.Linear, torch.nn.modules.conv._ConvNd)):
                m.weight.copy_(torch.randn(m.weight.shape, generator=g) / m.weight[0].numel() ** 0.5)
    return model


def mmpretrain_nets():
    import mmpretrain
    names = ["repvgg-a0_8xb32_in1k", "repmlp-base_3rdparty_8xb64_in1k", "mobileone-s0_8xb32_in1k", "resnet18_8xb32_in1k", "resnetv1d50_8xb32_in1k", "seresnet50_8xb32_in1k",
             "res2net50-w14-s8_3rdparty_8xb32_in1k", "hrnet-w18_3rdparty_8xb32_in1k", "swin-tiny_16xb64_in1k", "edgenext-xxsmall_3rdparty_in1k",
             "shufflenet-v1-1x_16xb64_in1k", "mobilenet-v3-small_8xb128_in1k", "van-tiny_3rdparty_in1k", "conformer-tiny-p16_3rdparty_in1k", "levit-128s_3rdparty_in1k",
             "tinyvit-5m_3rdparty_in1k", "convmixer-768-32_3rdparty_in1k", "cspresnext50_3rdparty_8xb32_in1k", "vig-tiny_3rdparty_in1k"]
    known = set(mmpretrain.list_models())
    for name in names:
        short = "mmpretrain." + name.split("_")[0]
        if name in known:
            yield short, lambda name=name: mmpretrain.get_model(name, pretrained=False, device="cpu"), 224
        else:
            absent.append(short)

    def large_kernels():  # in small: its own configuration is one of those that this version cannot read
        from mmpretrain.models import ImageClassifier
        arch = dict(large_kernel_sizes=[31, 29, 27, 13], layers=[1, 1, 2, 1], channels=[32, 64, 128, 256], small_kernel=5, dw_ratio=1)
        return ImageClassifier(backbone=dict(type="RepLKNet", arch=arch), neck=dict(type="GlobalAveragePooling"), head=dict(type="LinearClsHead", num_classes=100, in_channels=256))
    yield "mmpretrain.replknet", large_kernels, None


class First(torch.nn.Module):
    """one of several outputs"""

    def __init__(self, inner, key):
        super().__init__()
        self.inner, self.key = inner, key

    def forward(self, x):
        return self.inner(x)[self.key]


def joined(tensors):
    return torch.cat([t.flatten(1) for t in tensors], 1)


class All(torch.nn.Module):
    """all maps of a backbone in a row"""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return joined(self.inner(x).values())


class Heads(torch.nn.Module):
    """a one-stage detector up to what its heads say, without anchors and postprocessing"""

    def __init__(self, detector):
        super().__init__()
        self.backbone, self.head = detector.backbone, detector.head

    def forward(self, x):
        return joined(self.head(list(self.backbone(x).values())).values())


class Proposals(torch.nn.Module):
    """a two-stage detector: proposals of all levels, and the heads of regions on a corner of the finest map in place of a region"""

    def __init__(self, detector):
        super().__init__()
        self.backbone, self.rpn, roi = detector.backbone, detector.rpn.head, detector.roi_heads
        self.box = torch.nn.Sequential(roi.box_head, roi.box_predictor)
        self.more = torch.nn.ModuleList(torch.nn.Sequential(getattr(roi, kind + "_head"), getattr(roi, kind + "_predictor")) for kind in ("keypoint", "mask") if getattr(roi, kind + "_head") is not None)

    def forward(self, x):
        maps = list(self.backbone(x).values())
        scores, boxes = self.rpn(maps)
        fine = maps[0]
        return joined([*scores, *boxes, *self.box(fine[:, :, :7, :7]), *(more(fine[:, :, :14, :14]) for more in self.more)])


LIBRARIES = {"torchvision": torchvision_nets, "timm": timm_nets, "smp": segmentation_nets, "transformers": transformers_nets, "mmpretrain": mmpretrain_nets}


def networks(libraries=tuple(LIBRARIES)):
    """(name, function that makes the module, size), where size is that of a square image, "video", or None for any"""
    out = []
    for library in libraries:
        try:
            out += LIBRARIES[library]()
        except ImportError as e:
            absent.append(f"{library}: {e}")
    return out


def randomise(model, seed):
    """statistics, scales and shifts as training could have left them"""
    from torchvision.ops import FrozenBatchNorm2d
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for m in model.modules():
            if isinstance(m, (torch.nn.modules.batchnorm._BatchNorm, FrozenBatchNorm2d)) and m.running_var is not None:
                n = m.running_var.numel()
                m.running_mean.copy_(0.2 * torch.randn(n, generator=g))
                m.running_var.copy_(0.5 + torch.rand(n, generator=g))
                if m.weight is not None:
                    m.weight.copy_(0.5 + torch.rand(n, generator=g))
                    m.bias.copy_(0.1 * torch.randn(n, generator=g))


def shape(size, pixels):
    return [1, 3, 8, 56, 56] if size == "video" else [1, 3, size or pixels, size or pixels]


def export(name, make, shape, path):
    seed = zlib.crc32(name.removesuffix(".dynamo").encode())
    torch.manual_seed(seed)
    model, x = make().eval(), torch.randn(shape)
    randomise(model, seed)
    names = dict(input_names=["x"], output_names=["y"])
    if name.endswith(".dynamo"):
        torch.onnx.export(model, (x,), path, dynamo=True, optimize=False, external_data=False, verbose=False, **names)
    else:
        torch.onnx.export(model, (x,), path, dynamo=False, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False, opset_version=17, dynamic_axes={"x": {0: "N"}}, **names)


if __name__ == "__main__":
    found = [(make, size) for name, make, size in networks([x for x in LIBRARIES if sys.argv[1].startswith(x + ".")]) if name == sys.argv[1].removesuffix(".dynamo")]
    if not found:
        raise SystemExit(f"no network {sys.argv[1]}")
    export(sys.argv[1], found[0][0], shape(found[0][1], int(sys.argv[3]) if len(sys.argv) > 3 else 128), sys.argv[2])
