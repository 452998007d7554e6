"""How a document looks in Word: as Chinese offices set theirs (GB/T 9704), or in English as letters are set there."""

from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from allocate.words import Language, say_in

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_NAMESPACE = f'xmlns:w="{WORD}"'
# Fonts that the standard names, and what every computer has instead: Word takes the second where the first is missing.
_SUBSTITUTES = (
    ("paper.font_title", "paper.font_song"),
    ("paper.font_fang", "paper.font_fang_now"),
    ("paper.font_kai", "paper.font_kai_now"),
)
# Not met: dark enough to be read where it is printed in black.
_WARNING = "9C2A00"
_GREY = "595959"


@dataclass(frozen=True, kw_only=True)
class _Style:
    """A style of paragraphs.

    Attributes
    ----------
    east, west
        Fonts of Chinese letters, by its key in the catalogue, and of others.
    size
        Of letters [points].
    line
        From line to line [points]; as the letters need it where it is 0.
    before, after
        Above and below the paragraph [points].
    indent
        Of the first line [letters].
    left, hanging
        Of the paragraph, and back again in its first line [points].
    level
        Of a heading in the outline, from 0.
    """

    name: str
    east: str
    west: str = "Times New Roman"
    size: float = 16
    line: float = 0
    before: float = 0
    after: float = 0
    indent: int = 0
    left: float = 0
    hanging: float = 0
    align: str = "both"
    bold: bool = False
    keep: bool = False
    colour: str = ""
    level: int | None = None
    bulleted: bool = False

    def xml(self, code: str, language: Language) -> str:
        """Return the style as Word holds it."""
        keep = "<w:keepNext/><w:keepLines/>" if self.keep else ""
        bullet = '<w:numPr><w:numId w:val="1"/></w:numPr>' if self.bulleted else ""
        rule = f'w:line="{round(20 * self.line)}" w:lineRule="exact"' if self.line else 'w:line="240" w:lineRule="auto"'
        chars = f'w:firstLineChars="{100 * self.indent}" w:firstLine="{round(20 * self.size * self.indent)}"'
        ends = f'w:left="{round(20 * self.left)}" w:hanging="{round(20 * self.hanging)}"'
        indent = f"<w:ind {chars if self.indent else ends}/>"
        outline = "" if self.level is None else f'<w:outlineLvl w:val="{self.level}"/>'
        bold = f'<w:b w:val="{int(self.bold)}"/><w:bCs w:val="{int(self.bold)}"/>'
        colour = f'<w:color w:val="{self.colour}"/>' if self.colour else ""
        size = f'<w:sz w:val="{round(2 * self.size)}"/><w:szCs w:val="{round(2 * self.size)}"/>'
        based = "" if code == "Normal" else '<w:basedOn w:val="Normal"/>'
        default = ' w:default="1"' if code == "Normal" else ' w:customStyle="1"' if code in _OURS else ""
        return (
            f'<w:style w:type="paragraph"{default} w:styleId="{code}"><w:name w:val={quoteattr(self.name)}/>{based}'
            f'<w:qFormat/><w:pPr>{keep}{bullet}<w:snapToGrid w:val="0"/>'
            f'<w:spacing w:before="{round(20 * self.before)}" w:after="{round(20 * self.after)}" {rule}/>'
            f'{indent}<w:jc w:val="{self.align}"/>{outline}</w:pPr>'
            f"<w:rPr>{self.fonts(language)}{bold}{colour}{size}</w:rPr></w:style>"
        )

    def fonts(self, language: Language) -> str:
        """Return its fonts as Word holds them."""
        west, east = quoteattr(self.west), quoteattr(say_in(language, self.east))
        return f"<w:rFonts w:ascii={west} w:hAnsi={west} w:cs={west} w:eastAsia={east}/>"


# Styles that Word does not know by itself.
_OURS = {"Note", "Warning", "PictureCaption", "Picture", "Cell", "CellHead", "CellFigure", "Spacer"}
_SONG, _HEI, _KAI, _FANG, _TITLE = (
    "paper.font_song", "paper.font_hei", "paper.font_kai", "paper.font_fang", "paper.font_title",
)  # fmt: skip
# Where points begin, and how far their dot stands before that [points].
_BULLETS: dict[Language, tuple[float, float]] = {"zh": (48, 16), "en": (24, 12)}

_STYLES: dict[Language, dict[str, _Style]] = {
    "zh": {
        "Normal": _Style(name="Normal", east=_FANG, line=28, indent=2),
        "Title": _Style(name="Title", east=_TITLE, size=22, line=36, align="center", after=10, keep=True),
        "Subtitle": _Style(name="Subtitle", east=_KAI, size=14, line=24, align="center"),
        "Heading1": _Style(name="heading 1", east=_HEI, line=28, indent=2, before=8, keep=True, level=0, align="left"),
        "Heading2": _Style(name="heading 2", east=_KAI, line=28, indent=2, keep=True, level=1, align="left"),
        "Heading3": _Style(
            name="heading 3", east=_FANG, line=28, indent=2, keep=True, level=2, bold=True, align="left"
        ),
        "ListBullet": _Style(name="List Bullet", east=_FANG, line=28, bulleted=True, left=48, hanging=16),
        "Quote": _Style(name="Quote", east=_KAI, size=14, line=24, left=32, after=4),
        "Note": _Style(name="Note", east=_SONG, size=9, line=14, before=3, after=8, colour=_GREY),
        "Warning": _Style(name="Warning", east=_FANG, line=28, indent=2, colour=_WARNING),
        "Caption": _Style(name="caption", east=_HEI, size=12, before=8, after=4, align="center", keep=True),
        "PictureCaption": _Style(name="Picture Caption", east=_HEI, size=12, before=2, after=10, align="center"),
        "Picture": _Style(name="Picture", east=_SONG, size=10.5, before=8, align="center", keep=True),
        "TOCHeading": _Style(name="TOC Heading", east=_HEI, line=32, align="center", after=8, keep=True),
        "TOC1": _Style(name="toc 1", east=_FANG, line=22, align="left"),
        "Cell": _Style(name="Cell", east=_SONG, size=10.5, align="left"),
        "CellHead": _Style(name="Cell Head", east=_HEI, size=10.5, align="center"),
        "CellFigure": _Style(name="Cell Figure", east=_SONG, size=10.5, align="right"),
        "Spacer": _Style(name="Spacer", east=_SONG, size=5, line=8),
        "Footer": _Style(name="footer", east=_SONG, size=14, align="right"),
    },
    "en": {
        "Normal": _Style(name="Normal", east=_SONG, size=11, after=6, align="left"),
        "Title": _Style(name="Title", east=_HEI, west="Arial", size=20, align="left", after=8, bold=True, keep=True),
        "Subtitle": _Style(name="Subtitle", east=_SONG, size=11, align="left", after=2, colour=_GREY),
        "Heading1": _Style(
            name="heading 1", east=_HEI, west="Arial", size=15, before=16, after=6, keep=True, level=0, bold=True,
            align="left",
        ),
        "Heading2": _Style(
            name="heading 2", east=_HEI, west="Arial", size=12, before=10, after=4, keep=True, level=1, bold=True,
            align="left",
        ),
        "Heading3": _Style(
            name="heading 3", east=_HEI, west="Arial", size=11, before=8, after=3, keep=True, level=2, bold=True,
            align="left",
        ),
        "ListBullet": _Style(
            name="List Bullet", east=_SONG, size=11, after=4, align="left", bulleted=True, left=24, hanging=12
        ),
        "Quote": _Style(name="Quote", east=_KAI, size=10.5, left=24, after=6, align="left"),
        "Note": _Style(name="Note", east=_SONG, size=8.5, before=3, after=8, align="left", colour=_GREY),
        "Warning": _Style(name="Warning", east=_SONG, size=11, after=6, align="left", colour=_WARNING),
        "Caption": _Style(
            name="caption", east=_HEI, west="Arial", size=9.5, before=10, after=4, align="left", keep=True, bold=True
        ),
        "PictureCaption": _Style(
            name="Picture Caption", east=_HEI, west="Arial", size=9.5, before=2, after=10, align="left", bold=True
        ),
        "Picture": _Style(name="Picture", east=_SONG, size=10, before=8, align="center", keep=True),
        "TOCHeading": _Style(
            name="TOC Heading", east=_HEI, west="Arial", size=15, after=8, keep=True, bold=True, align="left"
        ),
        "TOC1": _Style(name="toc 1", east=_SONG, size=11, after=3, align="left"),
        "Cell": _Style(name="Cell", east=_SONG, size=9.5, align="left"),
        "CellHead": _Style(name="Cell Head", east=_HEI, west="Arial", size=9, align="left", bold=True),
        "CellFigure": _Style(name="Cell Figure", east=_SONG, size=9.5, align="right"),
        "Spacer": _Style(name="Spacer", east=_SONG, size=5, line=8),
        "Footer": _Style(name="footer", east=_SONG, size=9, align="right"),
    },
}  # fmt: skip

# Languages as Word names them.
LOCALES: dict[Language, str] = {"zh": "zh-CN", "en": "en-GB"}
# The styles of headings by their level, from 1.
HEADINGS = ("Heading1", "Heading2", "Heading3")


def styles_xml(language: Language) -> str:
    """Return all styles of a document."""
    normal, locale = _STYLES[language]["Normal"], LOCALES[language]
    size = f'<w:sz w:val="{round(2 * normal.size)}"/><w:szCs w:val="{round(2 * normal.size)}"/>'
    # (Figures are Latin text in a Chinese document too: taken for Chinese they are broken between digits.)
    latin = "en-US" if language == "zh" else locale
    lang = f'<w:lang w:val="{latin}" w:eastAsia="zh-CN" w:bidi="ar-SA"/>'
    sides = ("top", "left", "bottom", "right", "insideH", "insideV")
    borders = "".join(f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="auto"/>' for side in sides)
    return (
        f"<w:styles {_NAMESPACE}><w:docDefaults><w:rPrDefault><w:rPr>{normal.fonts(language)}{size}{lang}</w:rPr>"
        "</w:rPrDefault><w:pPrDefault/></w:docDefaults>"
        + "".join(style.xml(code, language) for code, style in _STYLES[language].items())
        + '<w:style w:type="character" w:default="1" w:styleId="DefaultParagraphFont">'
        '<w:name w:val="Default Paragraph Font"/><w:uiPriority w:val="1"/><w:semiHidden/></w:style>'
        '<w:style w:type="table" w:default="1" w:styleId="TableNormal"><w:name w:val="Normal Table"/>'
        '<w:uiPriority w:val="99"/><w:semiHidden/><w:tblPr><w:tblInd w:w="0" w:type="dxa"/></w:tblPr></w:style>'
        '<w:style w:type="table" w:styleId="TableGrid"><w:name w:val="Table Grid"/><w:basedOn w:val="TableNormal"/>'
        f"<w:tblPr><w:tblBorders>{borders}</w:tblBorders></w:tblPr></w:style></w:styles>"
    )


def numbering_xml(language: Language) -> str:
    """Return the one list of a document: its points begin with a dot."""
    left, hanging = _BULLETS[language]
    indent = f'<w:ind w:left="{round(20 * left)}" w:hanging="{round(20 * hanging)}"/>'
    return (
        f'<w:numbering {_NAMESPACE}><w:abstractNum w:abstractNumId="0"><w:multiLevelType w:val="singleLevel"/>'
        '<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="bullet"/><w:lvlText w:val="•"/><w:lvlJc w:val="left"/>'
        f'<w:pPr>{indent}</w:pPr><w:rPr><w:rFonts w:ascii="Times New Roman" w:hAnsi="Times New Roman" '
        'w:hint="default"/></w:rPr></w:lvl></w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>'
    )


def settings_xml(language: Language) -> str:
    """Return the settings of a document: pages differ left and right, and no field asks to be renewed on opening."""
    uri = "http://schemas.microsoft.com/office/word"
    compat = "".join(
        f'<w:compatSetting w:name="{name}" w:uri="{uri}" w:val="{value}"/>'
        for name, value in (
            ("compatibilityMode", 15),
            ("overrideTableStyleFontSizeAndJustification", 1),
            ("enableOpenTypeFeatures", 1),
            ("doNotFlipMirrorIndents", 1),
        )
    )
    return (
        f'<w:settings {_NAMESPACE}><w:zoom w:percent="100"/><w:defaultTabStop w:val="420"/>'
        '<w:evenAndOddHeaders/><w:characterSpacingControl w:val="compressPunctuation"/>'
        f"<w:compat>{compat}</w:compat>"
        f'<w:themeFontLang w:val="{LOCALES[language]}" w:eastAsia="zh-CN"/></w:settings>'
    )


def fonts_xml(language: Language) -> str:
    """Return which fonts stand in for those that a computer may lack."""
    fonts = "".join(
        f'<w:font w:name="{say_in(language, name)}"><w:altName w:val="{say_in(language, other)}"/>'
        '<w:charset w:val="86"/></w:font>'
        for name, other in _SUBSTITUTES
    )
    return f"<w:fonts {_NAMESPACE}>{fonts}</w:fonts>"
