"""The report of the command as Python values: the fields of its JSON (schema repmlp.report/1).

What the classes do not name, because the command is newer, stays in `raw`. Numbers that
are not finite are floats here, strings in JSON.
"""
from __future__ import annotations

import dataclasses
import typing
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional


class _Part:
    raw: dict

    @classmethod
    def of(cls, data: Optional[dict]):
        """The part from its JSON; None stays None."""
        if data is None:
            return None
        hints = typing.get_type_hints(cls)
        values = {}
        for f in dataclasses.fields(cls):  # type: ignore[arg-type]
            if f.name in data:
                values[f.name] = _value(hints[f.name], data[f.name])
        part = cls(**values)
        part.raw = data
        return part


def _value(kind: Any, data: Any) -> Any:
    args = typing.get_args(kind)
    if data is None:
        return None
    if typing.get_origin(kind) is list:
        return [_value(args[0], x) for x in data]
    if typing.get_origin(kind) is typing.Union:
        return _value(args[0], data)
    if isinstance(kind, type) and issubclass(kind, _Part):
        return kind.of(data)
    if kind is float:
        return float({"Infinity": "inf", "-Infinity": "-inf", "NaN": "nan"}.get(data, data) if isinstance(data, str) else data)
    return data


@dataclass
class FileFacts(_Part):
    path: str = ""
    sha256: str = ""
    bytes: int = 0
    ir_version: int = 0
    opset: Dict[str, int] = field(default_factory=dict)
    producer: str = ""
    nodes: int = 0
    parameters: int = 0
    external: List[str] = field(default_factory=list)


@dataclass
class Proof(_Part):
    rows: int = 0
    max_abs: float = 0.0
    bound_ratio: float = 0.0


@dataclass
class Region(_Part):
    """One merge: the nodes that became one layer, and its proof."""

    id: str = ""
    kind: str = ""
    value: str = ""
    merged: List[str] = field(default_factory=list)
    into: List[str] = field(default_factory=list)
    inputs: int = 0
    outputs: int = 0
    groups: int = 1
    parameters_before: int = 0
    parameters_after: int = 0
    derivation: str = ""
    proof: Optional[Proof] = None


@dataclass
class Block(_Part):
    name: str = ""
    kind: str = ""
    detail: str = ""
    becomes: str = ""
    region: str = ""


@dataclass
class Decline(_Part):
    """Something that is not merged though it is a candidate, and why."""

    code: str = ""
    node: str = ""
    nodes: List[str] = field(default_factory=list)
    message: str = ""


@dataclass
class Left(_Part):
    """Something linear that stays because nothing beside it could take it."""

    code: str = ""
    node: str = ""
    message: str = ""


@dataclass
class Warning(_Part):
    code: str = ""
    message: str = ""


@dataclass
class Output(_Part):
    """How one output of two models compares."""

    name: str = ""
    shape: List[Any] = field(default_factory=list)
    max_abs: float = 0.0
    max_rel: float = 0.0
    mean_abs: Optional[float] = None
    p99_abs: Optional[float] = None
    rms: Optional[float] = None
    cosine: Optional[float] = None
    worst_index: List[int] = field(default_factory=list)
    limit: Optional[float] = None
    passed: Optional[bool] = None


@dataclass
class Check(_Part):
    engine: str = ""
    seed: int = 0
    samples: int = 0
    passed: bool = False
    noise_floor: Optional[float] = None
    outputs: List[Output] = field(default_factory=list)


@dataclass
class Report(_Part):
    """What convert, verify and inspect say. For a model that was given as bytes or
    onnx.ModelProto, and without a place for the result, `model` is the converted model."""

    command: str = ""
    verdict: str = ""
    input: Optional[FileFacts] = None
    output: Optional[FileFacts] = None
    blocks: List[Block] = field(default_factory=list)
    regions: List[Region] = field(default_factory=list)
    declined: List[Decline] = field(default_factory=list)
    left: List[Left] = field(default_factory=list)
    warnings: List[Warning] = field(default_factory=list)
    ops: Dict[str, Dict[str, int]] = field(default_factory=dict)
    check: Optional[Check] = None
    seconds: Dict[str, float] = field(default_factory=dict)
    model: Any = None

    def __str__(self) -> str:
        merged = f"{len(self.regions)} merge" + ("" if len(self.regions) == 1 else "s")
        return f"{self.command}: {self.verdict}, {merged}, {len(self.declined)} declined"
