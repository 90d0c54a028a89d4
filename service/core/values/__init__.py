"""The values editor: sets scalars in YAML values files without touching anything else, and proves it.

Called by the pipeline, the manifest writer and `mergeport values`. Text in, text out; it reads no file.
"""

from service.core.values.difference import unified_diff
from service.core.values.editor import edit_values
from service.core.values.encoding import decode_values, encode_values
from service.core.values.model import EditedText, FileEdit, Scalar, ScalarChange, ValueEdit
from service.core.values.reading import read_value
from service.core.values.rewriting import Changes, Rewrite, rewrite
from service.core.values_paths import ValuesPath, parse_path

__all__ = [
    "Changes",
    "EditedText",
    "FileEdit",
    "Rewrite",
    "Scalar",
    "ScalarChange",
    "ValueEdit",
    "ValuesPath",
    "decode_values",
    "edit_values",
    "encode_values",
    "parse_path",
    "read_value",
    "rewrite",
    "unified_diff",
]
