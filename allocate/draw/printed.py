"""What pages to print have in common: the head of the file, and the tree of elements that escapes all texts."""

from html import escape
from xml.etree import ElementTree as ET

from allocate.report.table import clean
from allocate.words import Language

_LOCALES: dict[Language, str] = {"zh": "zh-CN", "en": "en"}
_HEAD = """<!DOCTYPE html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
"""
FOOT = "</body>\n</html>\n"


def head(language: Language, title: str, *, policy: str, style: str) -> str:
    """Return what stands before the elements of a page, of a title that people wrote."""
    return _HEAD.format(lang=_LOCALES[language], policy=policy, title=escape(clean(title)), style=style)


def locale(language: Language) -> str:
    """Return a language as HTML calls it."""
    return _LOCALES[language]


def add(above: ET.Element, tag: str, text: str = "", **attributes: str) -> ET.Element:
    """Add an element with a text; in names of attributes `_` stands for a hyphen, and at the end for nothing."""
    told = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
    element = ET.SubElement(above, tag, told)
    element.text = text
    return element


def markup(element: ET.Element) -> str:
    """Return an element as HTML, its texts escaped."""
    return ET.tostring(element, encoding="unicode", method="html")
