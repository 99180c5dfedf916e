"""Prints what tree-sitter could not parse of a Swift or Dart file."""

import pathlib
import sys

from tree_sitter_language_pack import get_parser


def errors(node):
    if node.type == "ERROR" or node.is_missing:
        yield node
    for child in node.children:
        yield from errors(child)


path = pathlib.Path(sys.argv[1])
tree = get_parser(path.suffix.removeprefix(".")).parse(path.read_bytes())
for node in errors(tree.root_node):
    print(f"{path.name}:{node.start_point.row + 1}: {node.text.decode()[:60]}")
