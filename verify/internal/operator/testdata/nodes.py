"""Writes nodes.txt: small nodes with what they give by ONNX's reference evaluator, and by ONNX Runtime.

usage: python nodes.py > nodes.txt        needs numpy, onnx 1.20.0, onnxruntime 1.32.0

A case is a line "operator opset attribute...", a line for each input ("-" is none) and one for each output. An attribute is
name:type=value, with type i, f, s, is, fs or t; a tensor is type[shape] and its numbers. Both oracles have to agree where both
know the node; a case that neither knows is an error.
"""

import math
import sys
import warnings

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

warnings.filterwarnings("ignore")
ort.set_default_logger_severity(4)
rng = np.random.default_rng(1)
NAMES = {"float32": "f32", "float64": "f64", "float16": "f16", "int8": "i8", "uint8": "u8", "int16": "i16", "uint16": "u16",
         "int32": "i32", "uint32": "u32", "int64": "i64", "uint64": "u64", "bool": "b"}
cases = []


def f(*shape, dtype=np.float32):
    """Eighths between -2 and 2."""
    return (rng.integers(-16, 17, shape) / 8).astype(dtype)


def p(*shape, dtype=np.float32):
    """Eighths between 1/8 and 2."""
    return (rng.integers(1, 17, shape) / 8).astype(dtype)


def n(*shape, dtype=np.int64, low=-9, high=10):
    return rng.integers(low, high, shape).astype(dtype)


def b(*shape):
    return rng.integers(0, 2, shape).astype(bool)


def i64(*v):
    return np.array(v, np.int64)


def a(v, dtype=np.float32):
    return np.array(v, dtype)


def case(op, *ins, outs=1, opset=21, only=None, **attrs):
    """only="ort" leaves out the reference evaluator, which gets this one wrong or lacks it; "ref" leaves out ONNX Runtime."""
    cases.append((op, ins, outs, opset, only, attrs))


F16, F64, I8, U8, I32, U32, U64, I16, U16 = np.float16, np.float64, np.int8, np.uint8, np.int32, np.uint32, np.uint64, np.int16, np.uint16

# arithmetic
for op in ("Add", "Sub", "Mul", "Div"):
    case(op, f(2, 3), p(2, 3))
    case(op, f(2, 1, 3), p(4, 1))
    case(op, p(3), p(2, 3))
    case(op, f(2, 3), p())
    case(op, f(), p(2, 3))
    case(op, f(2, 3, dtype=F64), p(3, dtype=F64))
    case(op, f(2, 3, dtype=F16), p(1, 3, dtype=F16))
    case(op, n(2, 3, low=10, high=100), n(3, low=1))
    case(op, n(4, dtype=I32, low=0), n(4, dtype=I32, low=1))
case("Add", a([127, -128], I8), a([1, -1], I8), only="ref")
case("Mul", a([200, 3], U8), a([2, 100], U8), only="ref")
case("Div", a([2**63 + 6, 7], U64), a([2, 3], U64))
case("Sub", f(0, 3), f(3))
case("Pow", p(2, 3), f(3))
case("Pow", p(2, 3), n(3, low=0, high=4))
case("Pow", n(2, 3, low=0, high=5), n(3, low=0, high=4))
case("Pow", n(2, 3, low=1, high=5), p(2, 3))
case("Mod", n(7), a([3, -3, 5, -5, 2, 4, -7], np.int64))
case("Mod", n(7), a([3, -3, 5, -5, 2, 4, -7], np.int64), fmod=1)
case("Mod", f(5), p(5), fmod=1)
case("Mod", a([2**63 + 5, 9], U64), a([7, 4], U64))
for op in ("Sum", "Mean", "Max", "Min"):
    case(op, f(2, 3))
    case(op, f(2, 3), f(3), f(2, 1))
    case(op, f(2, 3, dtype=F64), f(2, 3, dtype=F64))
case("Max", n(2, 3), n(3), n(2, 1))
case("Min", a([2**63, 5], U64), a([7, 2**64 - 1], U64))
# logic
for op in ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"):
    case(op, f(4, 3), f(3))
    case(op, n(4, 3, low=0, high=4), n(4, 1, low=0, high=4))
    case(op, f(5, dtype=F64), f(5, dtype=F64))
case("Less", a([2**63, 5], U64), a([7, 2**64 - 1], U64))
for op in ("And", "Or", "Xor"):
    case(op, b(2, 4), b(4))
case("Not", b(5))
case("Where", b(2, 3), f(2, 3), f(3))
case("Where", b(3), n(2, 1), n())
case("Where", b(2, 1), f(3, dtype=F64), f(2, 3, dtype=F64))
case("IsNaN", a([1, np.nan, np.inf]))
case("IsInf", a([1, np.nan, np.inf, -np.inf]))
case("IsInf", a([1, np.nan, np.inf, -np.inf]), detect_negative=0)
case("IsInf", a([1, np.nan, np.inf, -np.inf]), detect_positive=0)
# pointwise
for op in ("Identity", "Abs", "Neg", "Sign", "Reciprocal", "Sqrt", "Exp", "Log", "Erf", "Floor", "Ceil", "Round", "Sin", "Cos", "Tan", "Atan", "Sinh",
           "Cosh", "Asinh", "Relu", "Sigmoid", "Tanh", "Softplus", "Softsign", "HardSwish", "Mish"):
    x = p(2, 5) if op in ("Sqrt", "Log", "Reciprocal") else f(2, 5)
    case(op, x, opset=22)
    if op not in ("HardSwish", "Mish"):
        case(op, x.astype(F64), opset=22, only={"Softsign": "ref", "Erf": "none: both approximate it"}.get(op))
for op in ("Asin", "Acos", "Atanh"):
    case(op, f(6) / 4)
case("Acosh", p(6) + 1)
case("Exp", f(5, dtype=F16))
case("Erf", a([-7, -6, 6, 7, 0, 1e-3, np.inf]))
case("Softplus", a([-50, 31, 60, 0]))
case("Sigmoid", a([-100, 100, 0, -1]))
for op in ("Abs", "Neg", "Sign"):
    case(op, n(5))
    case(op, a([-128, 127, 0, -1], I8))
case("Sign", a([0, 3, 2**64 - 1], U64))
case("Abs", a([0, 3, 255], U8))
case("Relu", n(5, dtype=I32))
# activations
case("LeakyRelu", f(6))
case("LeakyRelu", f(6), alpha=0.5)
case("PRelu", f(2, 3), p(3))
case("PRelu", f(2, 3, 2), p(3, 1))
case("PRelu", f(2, 3, 2), p(3), opset=6, only="none: opset 6 takes one slope for each channel; ONNX Runtime starts at opset 7")
case("ThresholdedRelu", f(8))
case("ThresholdedRelu", f(8), alpha=0.25)
case("Clip", f(8), a(-0.5), a(1.0))
case("Clip", f(8), None, a(0.5))
case("Clip", f(8), a(0.5))
case("Clip", f(8), a(1), a(-1))
case("Clip", f(8), opset=6, min=-0.5, max=0.75)
case("Clip", n(8), a(-3, np.int64), a(4, np.int64))
case("Clip", a([0, 9, 2**63 + 1], U64), a(3, U64), a(2**63, U64))
case("HardSigmoid", f(8))
case("HardSigmoid", f(8), alpha=0.5, beta=0.25)
case("Swish", f(8), opset=24, only="ref")
case("Swish", f(8), opset=24, alpha=0.5, only="ref")
case("Elu", f(8))
case("Elu", f(8), alpha=0.5)
case("Celu", f(8))
case("Celu", f(8), alpha=2.0)
case("Selu", f(8))
case("Selu", f(8), alpha=2.0, gamma=0.5)
case("Gelu", f(8))
case("Gelu", f(8), approximate="tanh")
case("Gelu", f(4, dtype=F64), only="none: both approximate it")
# cast
for to, x in ((1, n(4)), (1, f(4, dtype=F64)), (1, b(4)), (10, f(4)), (10, a([1e-8, 65504, 1e5, 0.1])), (11, f(4)), (11, n(4)), (6, a([-1.7, 2.9, 0])), (7, f(4)), (9, f(4)),
              (9, n(4, low=-1, high=2)), (3, n(4, low=-200, high=200)), (2, n(4, low=-200, high=400)), (5, n(4, low=-70000, high=70000)), (13, a([1.0, 9e18])), (12, n(4)), (4, n(4)), (1, f(4, dtype=F16)), (16, f(2, 2)), (1, a([2**63], U64))):
    case("Cast", x, to=to)
case("CastLike", f(4), n(1))
case("CastLike", n(4), f(2))
# shape
case("Reshape", f(2, 6), i64(3, 4))
case("Reshape", f(2, 6), i64(0, -1, 2))
case("Reshape", f(0, 6), i64(6, 0), allowzero=1)
case("Reshape", f(2, 6), opset=4, shape=[3, -1], only="none: ONNX Runtime starts at opset 7")
case("Flatten", f(2, 3, 2))
case("Flatten", f(2, 3, 2), axis=0)
case("Flatten", f(2, 3, 2), axis=-1)
case("Squeeze", f(1, 3, 1))
case("Squeeze", f(1, 3, 1), i64(-1))
case("Squeeze", f(1, 3, 1), opset=11, axes=[0])
case("Unsqueeze", f(3), i64(0, -1))
case("Unsqueeze", f(3), opset=11, axes=[0, 2])
case("Shape", f(2, 3, 4))
case("Shape", f(2, 3, 4), start=1, end=-1)
case("Shape", f(2, 3, 4), start=2, end=1)
case("Size", f(2, 3))
# move
case("Transpose", f(2, 3, 4))
case("Transpose", f(2, 3, 4), perm=[0, 2, 1])
case("Transpose", n(2, 3), perm=[1, 0])
case("Concat", f(2, 1), f(2, 3), axis=1)
case("Concat", n(2, 2), n(1, 2), axis=-2)
case("Concat", f(2, 2, dtype=F64), f(2, 2, dtype=F64), axis=0)
case("Split", f(2, 5), i64(2, 3), outs=2, axis=1)
case("Split", f(5, 2), outs=2, num_outputs=2)
case("Split", f(2, 4), outs=2, opset=11, axis=-1)
case("Split", f(2, 4), outs=2, opset=11, axis=1, split=[1, 3])
case("Slice", f(4, 5), i64(1, -3), i64(3, 5))
case("Slice", f(4, 5), i64(3), i64(-5), i64(0), i64(-2))
case("Slice", f(4, 5), i64(1), i64(100), i64(-1), i64(2))
case("Slice", n(4, 5), i64(3), i64(1))
case("Slice", f(4, 5), opset=9, starts=[1], ends=[4], axes=[1])
case("Slice", f(4, 5), opset=9, starts=[1, 0], ends=[-1, 2])
case("Expand", f(3, 1), i64(2, 3, 4))
case("Expand", n(3, 1), i64(1))
case("Tile", f(2, 3), i64(2, 2))
case("Tile", n(3), i64(3))
case("DepthToSpace", f(1, 8, 2, 3), blocksize=2)
case("DepthToSpace", f(1, 8, 2, 3), blocksize=2, mode="CRD")
case("SpaceToDepth", f(1, 2, 4, 6), blocksize=2)
for upper in (0, 1):
    case("Trilu", f(3, 4), upper=upper)
    case("Trilu", f(2, 3, 3), i64(1)[0], upper=upper)
    case("Trilu", n(4, 3), i64(-1)[0], upper=upper)
# pad
for mode in ("constant", "reflect", "edge", "wrap"):
    case("Pad", f(2, 3), i64(1, 2, 0, 1) if mode != "reflect" else i64(1, 2, 1, 0), mode=mode)
    case("Pad", f(1, 2, 3, dtype=F64), i64(1, 1), None, i64(-1), mode=mode, only="ref" if mode == "wrap" else None)
case("Pad", f(2, 3), i64(-1, 1, 0, -1), a(0.5))
case("Pad", n(3), i64(1, 2), a(7, np.int64))
case("Pad", f(2, 3), opset=10, pads=[0, 1, 1, 0], value=2.5)
# constant
case("Constant", value=a([[1.5, 2]]))
case("Constant", value=n(3))
case("Constant", value_int=3)
case("Constant", value_ints=[3, 1])
case("Constant", value_float=0.5)
case("Constant", value_floats=[0.5, 2.0])
case("ConstantOfShape", i64(2, 3))
case("ConstantOfShape", i64(2, 3), value=a([7], np.int64))
case("ConstantOfShape", i64(2), value=a([0.5], F64))
case("Range", a(1), a(4), a(0.75))
case("Range", a(5, np.int64), a(-4, np.int64), a(-3, np.int64))
case("Range", a(1, F64), a(4, F64), a(1, F64))
case("Range", a(1, np.int64), a(1, np.int64), a(3, np.int64))
case("EyeLike", f(3, 4))
case("EyeLike", n(3, 4, dtype=I32), k=1, dtype=1)
case("EyeLike", f(3, 4), k=-1, dtype=7)
case("OneHot", i64(0, 2, -1), i64(3), a([-1.0, 5]))
case("OneHot", n(2, 2, low=0, high=3), i64(3), a([0, 1], np.int64), axis=1)
# gather, scatter
case("Gather", f(3, 4), i64(2, 0, -1))
case("Gather", f(3, 4), np.array([[0, 3], [1, 1]]), axis=1)
case("Gather", n(5), a(3, np.int64))
case("GatherElements", f(3, 3), np.array([[1, 2, 0], [2, 0, -1]]))
case("GatherElements", n(2, 2), np.array([[0, 0], [1, 0]]), axis=1)
case("GatherND", f(2, 3, 2), np.array([[0, 1], [1, -1]]))
case("GatherND", f(2, 3, 2), np.array([[1], [2]]), batch_dims=1)
case("GatherND", n(2, 3), np.array([[0, 2], [1, 0]]))
for r in (None, "add", "mul", "max", "min"):
    at = dict(reduction=r) if r else {}
    case("ScatterElements", f(3, 3), np.array([[1, 0, 2], [0, 2, 1]]), f(2, 3), opset=18, only="ort" if r == "mul" else None, **at)
    case("ScatterND", f(4, 2), np.array([[1], [3]]), f(2, 2), opset=18, **at)
case("ScatterElements", n(2, 4), np.array([[1, -1]]), n(1, 2), axis=1)
case("ScatterND", n(4, 2), np.array([[1, 1], [3, 0]]), n(2), reduction="add")
# order
case("TopK", f(3, 5), i64(2), outs=2)
case("TopK", f(3, 5), i64(2), outs=2, axis=0, largest=0)
case("TopK", n(6), i64(3), outs=2)
case("TopK", f(2, 5), outs=2, opset=9, k=2, only="none: the attribute k is of opset 1")
for op in ("ArgMax", "ArgMin"):
    case(op, f(3, 4))
    case(op, f(3, 4), axis=-1, keepdims=0)
    case(op, n(3, 4, low=0, high=2), axis=1, select_last_index=1)
    case(op, n(3, 4, low=0, high=2), axis=1)
case("NonZero", n(3, 4, low=0, high=2))
case("NonZero", f(3))
case("Hardmax", f(3, 4))
case("Hardmax", f(2, 3, 2), axis=1)
case("Hardmax", f(2, 3, 2), opset=11, only="ort")
# matrices
case("MatMul", f(2, 3), f(3, 4))
case("MatMul", f(3), f(3, 2))
case("MatMul", f(2, 3), f(3))
case("MatMul", f(3), f(3))
case("MatMul", f(2, 1, 2, 3), f(4, 3, 2))
case("MatMul", n(2, 3), n(3, 2))
case("MatMul", f(2, 3, dtype=F64), f(2, 3, 2, dtype=F64))
case("Gemm", f(2, 3), f(3, 4))
case("Gemm", f(3, 2), f(4, 3), f(4), transA=1, transB=1, alpha=0.5, beta=2.0)
case("Gemm", f(2, 3), f(3, 4), f(2, 1), alpha=2.0)
case("Gemm", f(2, 3), f(3, 4), f(2, 4), beta=0.0)
case("Gemm", f(2, 3, dtype=F64), f(3, 4, dtype=F64), f(dtype=F64))
for eq, shapes in (("ij,jk->ik", ((2, 3), (3, 2))), ("ij->ji", ((2, 3),)), ("ij,jk", ((2, 3), (3, 2))), ("bij,bjk->bik", ((2, 2, 3), (2, 3, 2))), ("ii->i", ((3, 3),)),
                   ("...ij,...jk->...ik", ((2, 2, 3), (1, 3, 2))), ("i,j->ij", ((2,), (3,))), ("ij->", ((2, 3),)), ("...i->...", ((2, 3),)), ("bnh,bh->bn", ((2, 3, 4), (2, 4)))):
    case("Einsum", *(f(*s) for s in shapes), equation=eq)
# convolutions
case("Conv", f(1, 2, 4, 5), f(3, 2, 3, 3), f(3), pads=[1, 1, 1, 1])
case("Conv", f(2, 2, 5, 4), f(2, 2, 2, 2), strides=[2, 1], dilations=[1, 2])
case("Conv", f(1, 4, 4, 4), f(4, 1, 3, 3), f(4), group=4, pads=[1, 0, 1, 2])
case("Conv", f(1, 4, 5, 5), f(8, 1, 3, 3), group=4, strides=[2, 2], pads=[1, 1, 1, 1])
case("Conv", f(1, 4, 3, 3), f(6, 2, 1, 1), f(6), group=2)
case("Conv", f(2, 4, 1, 1), f(6, 2, 1, 1), f(6), group=2)
case("Conv", f(1, 4, 3, 3), f(4, 1, 1, 1), group=4)
case("Conv", f(1, 2, 7), f(3, 2, 3), strides=[2], auto_pad="SAME_UPPER")
case("Conv", f(1, 2, 7), f(3, 2, 2), auto_pad="SAME_LOWER")
case("Conv", f(1, 2, 7), f(3, 2, 3), auto_pad="VALID", kernel_shape=[3], only="ort")
case("Conv", f(1, 2, 3, 3, 3), f(2, 2, 2, 2, 2), f(2), pads=[1, 0, 0, 0, 1, 0])
case("Conv", f(1, 32, 2, 2), f(32, 1, 2, 2), group=32, pads=[1, 1, 0, 0])
case("Conv", f(1, 64, 2, 2), f(64, 2, 2, 2), group=32, pads=[1, 1, 0, 0])
case("Conv", f(0, 2, 4, 4), f(3, 2, 3, 3), f(3))
case("Conv", f(1, 2, 4, 5, dtype=F64), f(3, 2, 3, 3, dtype=F64), f(3, dtype=F64))
case("ConvTranspose", f(1, 2, 3, 3), f(2, 3, 3, 3), f(3))
case("ConvTranspose", f(1, 4, 3, 2), f(4, 2, 2, 3), group=2, strides=[2, 1], pads=[1, 0, 0, 1], output_padding=[1, 0])
case("ConvTranspose", f(1, 2, 4), f(2, 1, 3), strides=[2], auto_pad="SAME_UPPER")
case("ConvTranspose", f(1, 2, 4), f(2, 1, 3), strides=[2], auto_pad="SAME_LOWER")
case("ConvTranspose", f(1, 2, 3, 3), f(2, 1, 3, 3), strides=[2, 2], output_shape=[6, 6])
case("ConvTranspose", f(1, 2, 4), f(2, 2, 3), dilations=[2], pads=[1, 1])
case("Col2Im", f(1, 8, 4), i64(3, 3), i64(2, 2))
case("Col2Im", f(2, 4, 9), i64(4, 4), i64(2, 2), strides=[2, 2], pads=[1, 1, 1, 1])
case("Col2Im", f(1, 4, 4), i64(4, 4), i64(2, 2), dilations=[2, 2])
# pools
for op in ("AveragePool", "MaxPool"):
    outs = 2 if op == "MaxPool" else 1
    case(op, f(1, 2, 5, 5), kernel_shape=[2, 2])
    case(op, f(1, 2, 5, 5), kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    case(op, f(1, 2, 6, 5), kernel_shape=[3, 2], strides=[2, 2], ceil_mode=1)
    case(op, f(1, 1, 7), kernel_shape=[3], dilations=[2], opset=22)
    case(op, f(1, 1, 7), kernel_shape=[3], strides=[2], auto_pad="SAME_LOWER", only="ort")
    case(op, f(1, 1, 4, 4, 3), kernel_shape=[2, 3, 2], pads=[0, 1, 0, 1, 1, 1])
    case(op, f(1, 1, 12), kernel_shape=[9], pads=[4, 4])
case("AveragePool", f(1, 2, 5, 5), kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)
case("AveragePool", f(1, 1, 6), kernel_shape=[3], strides=[2], pads=[1, 1], count_include_pad=1, ceil_mode=1)
case("MaxPool", f(1, 2, 4, 4), outs=2, kernel_shape=[2, 2], strides=[2, 2])
case("MaxPool", f(1, 2, 3, 4), outs=2, kernel_shape=[2, 2], storage_order=1, only="ort")
case("MaxPool", f(1, 1, 4, 12), outs=2, kernel_shape=[1, 9], pads=[0, 4, 0, 4], only="ort")
case("MaxPool", n(1, 1, 4, 4, dtype=I8), kernel_shape=[2, 2])
for op in ("GlobalAveragePool", "GlobalMaxPool"):
    case(op, f(2, 3, 2, 3))
    case(op, f(1, 2, 2, 2, dtype=F64))
# norms
bn = (p(3), f(3), f(3), p(3))
case("BatchNormalization", f(2, 3, 2), *bn, opset=15)
case("BatchNormalization", f(2, 3, 2, 2), *bn, opset=15, epsilon=0.25)
case("BatchNormalization", f(2, 3), *bn, opset=9, only="ort")
case("BatchNormalization", f(2, 3, 2), *bn, opset=15, outs=3, training_mode=1, momentum=0.5)
case("BatchNormalization", f(2, 3, 2, dtype=F64), *(v.astype(F64) for v in bn), opset=15)
case("InstanceNormalization", f(2, 3, 4), p(3), f(3))
case("InstanceNormalization", f(1, 2, 2, 3), p(2), f(2), epsilon=0.5)
case("GroupNormalization", f(2, 4, 3), p(4), f(4), num_groups=2)
case("GroupNormalization", f(2, 4, 3), p(2), f(2), opset=18, num_groups=2, only="ref")
case("LayerNormalization", f(2, 3, 4), p(4), f(4), opset=17)
case("LayerNormalization", f(2, 3, 4), p(3, 4), opset=17, axis=1, epsilon=0.5, outs=3)
case("MeanVarianceNormalization", f(2, 3, 2, 2))
case("MeanVarianceNormalization", f(2, 3, 2, 2), axes=[1])
case("LpNormalization", f(2, 3) + a(3), opset=22)
case("LpNormalization", f(2, 3) + a(3), opset=22, p=1, axis=0)
case("LRN", f(1, 5, 2, 2), size=3, only="ort")
case("LRN", f(1, 5, 2, 2), size=5, alpha=0.5, beta=0.5, bias=2.0, only="ort")
for op in ("Softmax", "LogSoftmax"):
    case(op, f(2, 3, 2))
    case(op, f(2, 3, 2), axis=1)
    case(op, f(2, 3, 2), opset=11, axis=1, only="ort")
    case(op, f(3, 4, dtype=F64))
# reductions
for op in ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp"):
    x = p(2, 3, 2) if op == "ReduceLogSum" else f(2, 3, 2)
    case(op, x, opset=18)
    case(op, x, i64(1), opset=18, keepdims=0)
    case(op, x, i64(0, -1), opset=18)
    case(op, x, opset=11, axes=[1])
    case(op, x, opset=18, noop_with_empty_axes=1, only="none" if op not in ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd") else "ref")
    case(op, x.astype(F64), i64(2), opset=18)
    if op not in ("ReduceMean", "ReduceLogSum", "ReduceLogSumExp", "ReduceL2"):
        case(op, n(2, 4, low=1, high=5), i64(1), opset=18)
case("ReduceMax", f(0, 3), i64(0), opset=20, only="ref")
case("ReduceMin", a([[1, -3], [5, 2]], I8), i64(0), opset=18)
for exclusive in (0, 1):
    for reverse in (0, 1):
        case("CumSum", f(2, 4), i64(1)[0], exclusive=exclusive, reverse=reverse)
case("CumSum", n(3, 2), i64(0)[0])
# quantisation
case("QuantizeLinear", f(6), a(0.25), a(3, U8))
case("QuantizeLinear", f(6), a(0.25))
case("QuantizeLinear", f(2, 3), p(3), n(3, dtype=I8), axis=1)
case("QuantizeLinear", f(6) * 400, a(0.01), a(7, U16))
case("QuantizeLinear", f(6) * 400, a(0.01), a(7, I16))
case("DequantizeLinear", n(6, dtype=U8, low=0, high=255), a(0.25), a(3, U8))
case("DequantizeLinear", n(6, dtype=I8), a(0.5))
case("DequantizeLinear", n(2, 3, dtype=I8), p(2), n(2, dtype=I8), axis=0)
case("DequantizeLinear", n(6, dtype=I32), a(0.5))
# resize
for mode in ("nearest", "linear"):
    for coord in ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"):
        case("Resize", f(1, 1, 3, 4), None, a([1, 1, 2, 1.5]), mode=mode, coordinate_transformation_mode=coord)
        case("Resize", f(1, 1, 5, 4), None, None, i64(1, 1, 3, 7), mode=mode, coordinate_transformation_mode=coord)
for m in ("floor", "ceil", "round_prefer_ceil", "round_prefer_floor"):
    case("Resize", f(1, 1, 4), None, a([1, 1, 1.5]), mode="nearest", nearest_mode=m)
case("Resize", f(1, 1, 2, 2), a([1.0, 1, 2, 3]), opset=10, mode="nearest")
case("Resize", f(1, 1, 4), None, None, i64(1, 1, 1), mode="linear", coordinate_transformation_mode="align_corners")
case("Resize", f(1, 1, 4), None, None, i64(1, 1, 1), mode="linear", coordinate_transformation_mode="pytorch_half_pixel")
case("Upsample", f(1, 1, 2, 3), a([1, 1, 2, 3]), opset=9, mode="nearest")
case("Upsample", f(1, 1, 2, 3), opset=7, mode="nearest", scales=[1.0, 1.0, 2.0, 1.5])
# dropout
case("Dropout", f(2, 3), opset=13)
case("Dropout", f(2, 3), a(0.5), opset=13, outs=2)
case("Dropout", f(2, 3), a(0.0), a(True, bool), opset=13, outs=2)
case("Dropout", f(2, 3), opset=7)
case("RMSNormalization", f(2, 3, 4), p(4), opset=23)
case("RMSNormalization", f(2, 3, 4), p(3, 4), opset=23, axis=1, epsilon=0.5)

ERF = np.vectorize(math.erf, otypes=[np.float64])
# What neither oracle runs, worked out here.
BY_HAND = {
    "PRelu": lambda x, s: [np.where(x < 0, x * s[None, :, None], x)],
    "Reshape": lambda x: [x.reshape(3, -1)],
    "TopK": lambda x: [-np.sort(-x, 1, kind="stable")[:, :2], np.argsort(-x, 1, kind="stable")[:, :2].astype(np.int64)],
    "Erf": lambda x: [ERF(x)], "Gelu": lambda x: [x / 2 * (1 + ERF(x / 2**0.5))],
    "ReduceL1": lambda x: [np.abs(x)], "ReduceL2": lambda x: [np.abs(x)], "ReduceSumSquare": lambda x: [x * x],
    "ReduceLogSum": lambda x: [np.log(x)], "ReduceLogSumExp": lambda x: [x],
    "MatMulInteger": lambda a, b, a0: [(a.astype(np.int32) - a0[:, None]) @ b],
}
# quantisation by blocks; halves, as a quotient in float32 has them
case("QuantizeLinear", f(2, 6), a([[0.25, 0.5, 0.125], [1, 0.5, 0.75]]), n(2, 3, dtype=I8), axis=1, block_size=2)
case("QuantizeLinear", f(4, 2, 2), p(2, 2, 2), axis=0, block_size=2, output_dtype=3)
case("QuantizeLinear", f(1, 5), p(1, 3), axis=-1, block_size=2)
case("DequantizeLinear", n(2, 6, dtype=I8), p(2, 3), n(2, 3, dtype=I8), axis=1, block_size=2)
case("DequantizeLinear", n(2, 4, 3, dtype=U8, low=0), p(2, 2, 3), axis=1, block_size=2)
case("DequantizeLinear", n(5, 2, dtype=I8), p(2, 2), axis=0, block_size=4)
case("QuantizeLinear", a([0.5, 1.5, 2.5, -0.5, 0.1, 0.3]), a(0.2), a(0, I8))
case("QuantizeLinear", a([0.05, 0.15, 0.25, 0.35, 0.45]), a(0.1), a(0, I8), axis=0)
# quantizedynamic.go
case("DynamicQuantizeLinear", f(2, 5), outs=3)
case("DynamicQuantizeLinear", p(6), outs=3)
case("DynamicQuantizeLinear", -p(2, 3), outs=3)
case("DynamicQuantizeLinear", a([-1.0, 1.0, 0.00196, 0.1, 0.3]), outs=3)
case("DynamicQuantizeLinear", a([0.0, 0.0]), outs=3, only="ort")
# integer.go; ONNX Runtime saturates products of large uint8 with large int8, the reference evaluator rounds after it adds a zero point
case("MatMulInteger", n(2, 3, dtype=U8, low=0, high=100), n(3, 4, dtype=I8))
case("MatMulInteger", n(2, 2, 3, dtype=U8, low=0, high=256), n(3, 4, dtype=U8, low=0, high=256), a(128, U8), a(7, U8))
case("MatMulInteger", n(2, 3, dtype=I8), n(3, 4, dtype=I8), a(-3, I8), a([1, -2, 3, 0], I8))
case("MatMulInteger", n(2, 3, dtype=I8), n(3, 4, dtype=I8), a([5, -2], I8), only="none")
case("MatMulInteger", n(2, 1, 3, dtype=U8, low=0), n(2, 3, 2, dtype=U8, low=0), a(3, U8))
case("ConvInteger", n(1, 2, 4, 5, dtype=U8, low=0, high=256), n(3, 2, 3, 2, dtype=U8, low=0, high=256), a(99, U8), pads=[1, 0, 1, 1])
case("ConvInteger", n(2, 4, 5, dtype=U8, low=0, high=256), n(4, 2, 3, dtype=U8, low=0), group=2, strides=[2])
case("ConvInteger", n(1, 2, 3, 3, dtype=U8, low=0, high=256), n(2, 2, 1, 1, dtype=I8), a(5, U8), a([1, -2], I8), only="ref")
case("QLinearMatMul", n(2, 3, dtype=U8, low=0, high=256), a(0.05), a(113, U8), n(3, 4, dtype=U8, low=0, high=256), a(0.0625), a(114, U8), a(0.7), a(118, U8))
case("QLinearMatMul", n(2, 3, dtype=I8), a(0.05), a(3, I8), n(3, 4, dtype=I8), a([0.25, 0.5, 0.75, 1]), a([1, 2, 3, 4], I8), a(0.13), a(-5, I8))
case("QLinearMatMul", n(3, 2, 3, dtype=U8, low=0), a(0.5), a(1, U8), n(3, 3, 2, dtype=U8, low=0), a(0.25), a(0, U8), a(0.7), a(9, U8))
case("QLinearMatMul", a([[3], [5], [-5]], I8), a(0.5), a(0, I8), a([[1]], I8), a(1.0), a(0, I8), a(1.0), a(1, I8), only="ort")
case("QLinearConv", n(1, 2, 4, 4, dtype=U8, low=0, high=256), a(0.05), a(120, U8), n(3, 2, 3, 3, dtype=U8, low=0, high=256), a(0.0625), a(100, U8), a(1.3), a(7, U8), pads=[1, 1, 1, 1])
case("QLinearConv", n(1, 2, 4, dtype=U8, low=0, high=256), a(0.05), a(120, U8), n(3, 2, 2, dtype=I8), a([0.25, 0.5, 0.75]), a([0, 0, 0], I8), a(0.7), a(70, U8), n(3, dtype=I32), only="ort", dilations=[2])
case("QLinearConv", n(2, 4, 3, 3, dtype=I8), a(0.125), a(-2, I8), n(4, 1, 2, 2, dtype=I8), a(0.25), a(0, I8), a(0.3), a(1, I8), n(4, dtype=I32), group=4)
case("QLinearConv", n(1, 1, 2, 2, dtype=U8, low=0), a(0.5), a(0, U8), n(2, 1, 2, 1, dtype=U8, low=0), a([0.5, 0.25]), a([1, 2], U8), a(0.3), a(1, U8), only="ref")


def number(v, dtype):
    if dtype == np.bool_:
        return "1" if v else "0"
    if np.issubdtype(dtype, np.integer):
        return str(int(v))
    return "%.17g" % v if dtype == np.float64 else "%.9g" % v


def tensor(x, space=" ", name=None):
    return f"{name or NAMES[str(x.dtype)]}[{','.join(map(str, x.shape))}]" + "".join(space + number(v, x.dtype) for v in x.ravel())


def attribute(name, v):
    if isinstance(v, str):
        return f"{name}:s={v}"
    if isinstance(v, np.ndarray):
        return f"{name}:t={tensor(v, ';')}"
    if isinstance(v, list):
        kind = "fs" if isinstance(v[0], float) else "is"
        return f"{name}:{kind}=" + ",".join(map(str, v))
    return f"{name}:{'f' if isinstance(v, float) else 'i'}={v}"


def typed(name, x):
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)


def close(x, y):
    if x.shape != y.shape or x.dtype != y.dtype:
        return False
    if not np.issubdtype(x.dtype, np.floating):
        return bool((x == y).all())
    tol = {np.float16: 4e-3, np.float32: 2e-5, np.float64: 1e-10}[x.dtype.type]
    return np.allclose(x.astype(np.float64), y.astype(np.float64), rtol=tol, atol=tol, equal_nan=True)


def run(op, ins, outs, opset, only, attrs):
    if only and only.startswith("none"):
        return BY_HAND[op](*ins)
    at = {k: numpy_helper.from_array(v) if isinstance(v, np.ndarray) else v for k, v in attrs.items()}
    names = ["" if x is None else f"i{k}" for k, x in enumerate(ins)]
    node = helper.make_node(op, names, [f"o{k}" for k in range(outs)], **at)
    feeds = {f"i{k}": np.asarray(x) for k, x in enumerate(ins) if x is not None}
    g = helper.make_graph([node], "g", [typed(k, x) for k, x in feeds.items()], [helper.make_empty_tensor_value_info(f"o{k}") for k in range(outs)])
    m = helper.make_model(g, opset_imports=[helper.make_opsetid("", opset)], ir_version=min(10, 3 + opset // 2) if opset < 10 else 10)
    found = {}
    if only != "ort":
        try:
            found["ref"] = [np.asarray(y) for y in ReferenceEvaluator(m).run(None, feeds)]
        except Exception as e:
            found["ref error"] = str(e).splitlines()[0][:90]
    if only != "ref" and opset >= 7:
        try:
            s = ort.InferenceSession(m.SerializeToString(), providers=["CPUExecutionProvider"])
            found["ort"] = s.run(None, feeds)
        except Exception as e:
            found["ort error"] = str(e).splitlines()[0][:90]
    have = [found[k] for k in ("ref", "ort") if k in found]
    if not have:
        raise ValueError(f"nobody runs {op} {opset} {attrs}: {found}")
    if len(have) == 2 and not all(close(x, y) for x, y in zip(*have)):
        raise ValueError(f"{op} {opset} {attrs} {[None if x is None else x.shape for x in ins]}: the reference evaluator gives {have[0]}, ONNX Runtime {have[1]}")
    if op == "Cast" and attrs["to"] == 16:
        have[0] = [y.astype(np.float32) for y in have[0]]
    counts[len(have)] += 1
    return have[-1] if op != "Cast" or attrs["to"] != 16 else have[0]


counts = {1: 0, 2: 0}
failed = False
for op, ins, outs, opset, only, attrs in cases:
    try:
        want = run(op, ins, outs, opset, only, attrs)
    except ValueError as e:
        print(e, file=sys.stderr)
        failed = True
        continue
    print(op, opset, *(attribute(k, v) for k, v in attrs.items()))
    for x in ins:
        print(" ", "-" if x is None else tensor(np.asarray(x)))
    for y in want:
        print("  =", tensor(np.asarray(y), name="bf16" if op == "Cast" and attrs["to"] == 16 else None))
print(f"{len(cases)} cases, {counts[2]} by both oracles, {counts[1]} by one", file=sys.stderr)
sys.exit(failed)
