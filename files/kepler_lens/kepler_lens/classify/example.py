"""Encode and decode ``tf.train.Example``: names to lists of floats, integers or byte strings.

Source: TensorFlow's ``core/example/{example,feature}.proto``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from numpy.typing import NDArray

Writable: TypeAlias = float | int | str | bytes | NDArray[Any]


def encode(values: Mapping[str, Writable]) -> bytes:
    """Serialize the values of a record as a ``tf.train.Example``; names are in order.

    Parameters
    ----------
    values : mapping
        Name of each feature to its value. An array of integers becomes int64, another array
        float32, and a text UTF-8.
    """
    example = Example()
    features = example.features.feature
    for name, value in values.items():
        if isinstance(value, (str, bytes)):
            content = value.encode() if isinstance(value, str) else value
            features[name].bytes_list.value.append(content)
            continue
        array = np.atleast_1d(value)
        if np.issubdtype(array.dtype, np.integer):
            features[name].int64_list.value.extend(array.tolist())
        else:
            features[name].float_list.packed.append(array.astype("<f4").tobytes())
    return bytes(example.SerializeToString(deterministic=True))


def _example_type() -> Any:
    """Make the message type ``tf.train.Example``.

    The wire format of a packed list of floats is that of a byte string. The type here declares it
    as bytes, so protobuf makes no Python object for each number, which is twice as fast.
    """
    of = descriptor_pb2.FieldDescriptorProto
    package = "kepler_lens"
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{package}/example.proto", package=package, syntax="proto3"
    )

    def add(holder: Any, name: str, number: int, kind: int | str, *, repeated: bool = False) -> Any:
        field = holder.field.add(name=name, number=number)
        field.label = of.LABEL_REPEATED if repeated else of.LABEL_OPTIONAL
        if isinstance(kind, str):
            field.type, field.type_name = of.TYPE_MESSAGE, f".{package}.{kind}"
        else:
            field.type = kind
        return field

    add(file.message_type.add(name="BytesList"), "value", 1, of.TYPE_BYTES, repeated=True)
    add(file.message_type.add(name="FloatList"), "packed", 1, of.TYPE_BYTES, repeated=True)
    add(file.message_type.add(name="Int64List"), "value", 1, of.TYPE_INT64, repeated=True)
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, kind in enumerate(("bytes", "float", "int64"), start=1):
        add(feature, f"{kind}_list", number, f"{kind.capitalize()}List").oneof_index = 0
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    add(entry, "key", 1, of.TYPE_STRING)
    add(entry, "value", 2, "Feature")
    add(features, "feature", 1, "Features.FeatureEntry", repeated=True)
    add(file.message_type.add(name="Example"), "features", 1, "Features")
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.Example"))


Example = _example_type()
