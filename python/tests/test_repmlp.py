"""The module against the command: python3 -m unittest discover -s python/tests (REPMLP_BINARY names the command).

Tests that need numpy or onnx say so where these are not installed.
"""
import os
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "python"))

import repmlp  # noqa: E402

try:
    import numpy
except ImportError:
    numpy = None
try:
    import onnx
except ImportError:
    onnx = None

MODEL = ROOT / "testdata" / "digits" / "digits_legacy.onnx"
IMAGES = ROOT / "testdata" / "digits" / "digits_test_x.npy"


class Convert(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.out = Path(self.folder.name) / "out.onnx"

    def test_paths(self):
        r = repmlp.convert(MODEL, self.out, strict=True)
        self.assertEqual(r.verdict, "fused")
        self.assertTrue(self.out.exists() and r.check.passed)
        self.assertEqual(len(r.regions), 5)
        self.assertLess(max(g.proof.bound_ratio for g in r.regions), 1)
        self.assertEqual(r.ops["after"].get("BatchNormalization", 0), 0)
        self.assertEqual(str(r), "convert: fused, 5 merges, 0 declined")

    def test_bytes(self):
        a = repmlp.convert(MODEL.read_bytes()).model
        repmlp.convert(MODEL, self.out)
        b = repmlp.convert(self.out.read_bytes())
        self.assertEqual((type(a), b.verdict), (bytes, "unchanged"))
        self.assertEqual(b.model, self.out.read_bytes())

    def test_flags(self):
        r = repmlp.convert(MODEL, self.out, fc="conv", dim={"N": 3}, samples=2, no_metadata=True, seed=None, allow_growth=False)
        self.assertNotIn("MatMul", r.ops["after"])

    def test_errors(self):
        repmlp.convert(MODEL, self.out)
        again = Path(self.folder.name) / "again.onnx"
        for kind, call in [
            (repmlp.Failed, lambda: repmlp.convert(Path(self.folder.name) / "none.onnx")),
            (repmlp.UsageError, lambda: repmlp.convert(MODEL, again, no_such_flag=1)),
            (repmlp.NotConverted, lambda: repmlp.convert(self.out, again, strict=True)),
            (repmlp.Failed, lambda: repmlp.convert(b"not a model")),
        ]:
            with self.assertRaises(kind) as caught:
                call()
            self.assertTrue(caught.exception.message)
            self.assertFalse(again.exists())
        with self.assertRaises(TypeError):
            repmlp.convert(7)

    @unittest.skipIf(onnx is None, "needs onnx")
    def test_model_proto(self):
        m = onnx.load(str(MODEL))
        r = repmlp.convert(m)
        self.assertIsInstance(r.model, onnx.ModelProto)
        self.assertLess(len(r.model.graph.node), len(m.graph.node))
        self.assertEqual(repmlp.verify(m, r.model).verdict, "equivalent")


class Verify(unittest.TestCase):
    def test_files(self):
        r = repmlp.verify(MODEL, MODEL, inputs=IMAGES)
        self.assertEqual((r.verdict, r.check.samples, r.check.outputs[0].max_abs), ("equivalent", 450, 0.0))

    @unittest.skipIf(numpy is None, "needs numpy")
    def test_arrays(self):
        r = repmlp.verify(MODEL, MODEL, inputs={"image": numpy.load(IMAGES)[:7]})
        self.assertEqual(r.check.samples, 7)

    @unittest.skipIf(onnx is None, "needs onnx")
    def test_difference(self):
        m = onnx.load(str(MODEL))
        weights = max((t for t in m.graph.initializer if t.data_type == onnx.TensorProto.FLOAT), key=lambda t: len(t.raw_data))
        raw = bytearray(weights.raw_data)
        raw[3] ^= 0x80  # the sign of the first weight
        weights.raw_data = bytes(raw)
        with self.assertRaises(repmlp.NotEquivalent) as caught:
            repmlp.verify(MODEL, m)
        e = caught.exception
        self.assertEqual(e.report.verdict, "not_equivalent")
        self.assertGreater(e.report.check.outputs[0].max_abs, 0)


class Inspect(unittest.TestCase):
    def test_says_what_would_merge(self):
        r = repmlp.inspect(MODEL)
        self.assertEqual((r.verdict, r.check, len(r.regions)), ("would_fuse", None, 5))
        self.assertTrue(any(b.kind == "RepMLP" for b in r.blocks), [b.kind for b in r.blocks])


class Reports(unittest.TestCase):
    def test_numbers_and_what_is_not_known(self):
        r = repmlp.Report.of({"verdict": "equivalent", "check": {"outputs": [{"name": "y", "max_abs": "Infinity", "of tomorrow": 1}]}, "of tomorrow": {}})
        self.assertEqual(r.check.outputs[0].max_abs, float("inf"))
        self.assertEqual(r.raw["of tomorrow"], {})


if __name__ == "__main__":
    unittest.main()
