"""XML, parsed so that nothing in it grows without end or names another file."""

from xml.parsers import expat

from allocate.fault_kinds import FaultKind
from allocate.files.sheet import Unreadable


def xml_parser(name: str | None = None, encoding: str | None = None) -> expat.XMLParserType:
    """Return a parser that refuses what programs never write, and attackers do: DOCTYPE and entities.

    `name` is the part of the file, for messages; `encoding` is taken whatever the document says of its own.
    """

    def refuse(*_: object) -> None:
        raise Unreadable(FaultKind.XML_ENTITY, value=name)

    parser = expat.ParserCreate(encoding)
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.buffer_text = True
    return parser


def parse(parser: expat.XMLParserType, xml: bytes, form: str) -> None:
    """Run a parser over a whole document of an office program.

    Raises
    ------
    Unreadable
        When it is no XML in an encoding that office programs use.
    """
    # (What is in UTF-16 is XML as well, but other readers would see something else in it than this one.)
    if b"\0" in xml:
        raise Unreadable(FaultKind.FILE_CONTENT, format=form)
    try:
        parser.Parse(xml, True)
    except (expat.ExpatError, ValueError, LookupError):
        raise Unreadable(FaultKind.FILE_CONTENT, format=form) from None
