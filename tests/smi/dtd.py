# SPDX-License-Identifier: Apache-2.0
"""Parser and validator of a document type definition. Supports what nvidia-smi's DTDs use: ELEMENT with sequences,
alternatives, repetitions and mixed content, and ATTLIST."""

import re
import xml.etree.ElementTree


def declarations(text):
    """{element: content without blanks} and {element: set of required attributes}."""
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    elements, attributes = {}, {}
    for name, content in re.findall(r"<!ELEMENT\s+(\S+)\s+(\(.*?\)[*+?]?)\s*>", text, re.S):
        if name in elements:
            raise ValueError(f"{name} is declared twice")
        elements[name] = re.sub(r"\s+", "", content)
    for name, attribute in re.findall(r"<!ATTLIST\s+(\S+)\s+(\S+)\s+CDATA\s+#REQUIRED\s*>", text):
        attributes.setdefault(name, set()).add(attribute)
    return elements, attributes


def embedded(document):
    """The internal DTD of a document, between the brackets of its DOCTYPE."""
    return re.search(r"<!DOCTYPE \w+ \[\n(.*?)\]>", document, re.S).group(1)


def parsed(document):
    """The root of a document; an internal DTD is cut out, as ElementTree needs none."""
    return xml.etree.ElementTree.fromstring(re.sub(r"<!DOCTYPE \w+ \[.*?\]>", "", document, flags=re.S))


def violations(root, elements, attributes):
    """Violations of the DTD in the tree, as sentences."""
    found = []
    for node in root.iter():
        content = elements.get(node.tag)
        if content is None:
            found.append(f"<{node.tag}> is not declared")
            continue
        for missing in attributes.get(node.tag, set()) - set(node.attrib):
            found.append(f"<{node.tag}> lacks {missing}")
        if "#PCDATA" not in content:
            between = (node.text or "") + "".join(child.tail or "" for child in node)
            if between.strip():
                found.append(f"<{node.tag}> holds the text {between.strip()!r}")
        # The content model as a regular expression over the names of the children, each followed by a blank.
        pattern = re.sub(r"[\w#]+", lambda word: "" if word.group() == "#PCDATA" else f"(?:{word.group()} )",
                         content).replace(",", "")
        children = "".join(child.tag + " " for child in node)
        if not re.fullmatch(pattern, children):
            found.append(f"<{node.tag}> holds {children.split()}, not {content}")
    return found
